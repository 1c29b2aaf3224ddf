package dev.baton.launch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Variables from a file in the format of systemd's {@code EnvironmentFile=} (systemd.exec(5)): {@code KEY=VALUE} lines,
 * blank lines, comments that begin a line with {@code #} or {@code ;}.
 *
 * <p>A value without quotes ends with its line, less the blanks around it; a backslash takes the next character as it is
 * and joins lines. In single quotes everything is literal, line ends too. In double quotes a backslash escapes
 * {@code " \ ` $} and joins lines, and is literal before anything else. Nothing is expanded. Of two lines for one key the
 * later wins. Where systemd skips a line it can not read, this reports it.
 */
public final class EnvironmentFile {
    private static final int END = -1;

    private final Path file;
    private final String text;
    private int position;
    private int line = 1;

    private EnvironmentFile(Path file, String text) {
        this.file = file;
        this.text = text;
    }

    /**
     * Reads the file anew.
     *
     * @param file where
     * @return the variables in the order of the file, unmodifiable
     * @throws IOException if it cannot be read, or breaks the format: the message names file, line and what was expected
     */
    public static Map<String, String> read(Path file) throws IOException {
        String text;
        try {
            var bytes = ByteBuffer.wrap(Files.readAllBytes(file));
            text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new IOException("cannot read the environment file " + file + ": expected UTF-8", e);
        } catch (IOException e) {
            throw new IOException("cannot read the environment file " + file + ": " + Reason.of(e), e);
        }
        return new EnvironmentFile(file, text.replace("\r\n", "\n")).entries();
    }

    private Map<String, String> entries() throws IOException {
        var entries = new LinkedHashMap<String, String>();
        while (true) {
            skipBlanks();
            switch (peek()) {
                case END -> {
                    return Collections.unmodifiableMap(entries);
                }
                case '\n' -> next();
                case '#', ';' -> skipLine();
                default -> entries.put(key(), value());
            }
        }
    }

    private String key() throws IOException {
        int start = position;
        while (peek() != '=' && peek() != '\n' && peek() != END) next();
        var key = text.substring(start, position).stripTrailing();
        if (peek() != '=') throw expected("KEY=VALUE, found '" + key + "'");
        if (!key.matches("[A-Za-z_][A-Za-z0-9_]*"))
            throw expected("a name of letters, digits and _ before =, found '" + key + "'");
        next();
        return key;
    }

    private String value() throws IOException {
        skipBlanks();
        var value = new StringBuilder();
        if (peek() != '"' && peek() != '\'') return plain(value);
        while (peek() == '"' || peek() == '\'') quoted(next(), value);
        skipBlanks();
        if (peek() != '\n' && peek() != END) throw expected("the end of the line after the closing quote");
        return value.toString();
    }

    private String plain(StringBuilder value) throws IOException {
        int kept = 0;
        while (peek() != '\n' && peek() != END) {
            int c = next();
            if (c == '\\') {
                c = peek() == END ? '\n' : next();
                if (c == '\n') continue;
                value.append((char) c);
                kept = value.length();
            } else {
                value.append((char) c);
                if (!isBlank(c)) kept = value.length();
            }
        }
        return value.substring(0, kept);
    }

    private void quoted(int quote, StringBuilder value) throws IOException {
        int opened = line;
        while (peek() != quote) {
            if (peek() == END) {
                line = opened;
                throw expected("a closing " + (char) quote + " for the one on this line");
            }
            int c = next();
            if (c != '\\' || quote == '\'') {
                value.append((char) c);
            } else if (peek() == '\n') {
                next();
            } else {
                if (peek() == END || "\"\\`$".indexOf(peek()) < 0) value.append('\\');
                else value.append((char) next());
            }
        }
        next();
    }

    private void skipBlanks() throws IOException {
        while (isBlank(peek())) next();
    }

    private void skipLine() throws IOException {
        while (peek() != '\n' && peek() != END) next();
    }

    private static boolean isBlank(int c) {
        return c == ' ' || c == '\t' || c == '\r';
    }

    private int peek() {
        return position == text.length() ? END : text.charAt(position);
    }

    private int next() throws IOException {
        int c = text.charAt(position++);
        if (c == 0) throw expected("text, found a NUL byte");
        if (c == '\n') line++;
        return c;
    }

    private IOException expected(String what) {
        return new IOException("cannot read the environment file " + file + ", line " + line + ": expected " + what);
    }
}

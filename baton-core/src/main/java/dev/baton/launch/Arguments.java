package dev.baton.launch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Arguments of a process are bytes, Java's are text. UTF-8 is read as such; a byte that is not part of it becomes the lone
 * surrogate U+DC00 + byte, which no valid text holds, and turns back into that byte (the scheme of Python's PEP 383).
 */
final class Arguments {
    private static final int ESCAPE = 0xDC00;
    private static final Charset LAUNCH_CHARSET = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

    private Arguments() {}

    /** The whole command line of this process; {@link ProcessHandle.Info} cuts it at a page. */
    static List<String> ofThisProcess() throws IOException {
        var bytes = Files.readAllBytes(Path.of("/proc/self/cmdline"));
        var arguments = new ArrayList<String>();
        for (int start = 0, end = 0; end < bytes.length; end++) {
            if (bytes[end] != 0) continue;
            arguments.add(decode(Arrays.copyOfRange(bytes, start, end)));
            start = end + 1;
        }
        if (arguments.isEmpty()) throw new IOException("/proc/self/cmdline is empty");
        return List.copyOf(arguments);
    }

    static String decode(byte[] bytes) {
        var decoder = StandardCharsets.UTF_8.newDecoder();
        var in = ByteBuffer.wrap(bytes);
        var out = CharBuffer.allocate(bytes.length);
        while (true) {
            var result = decoder.decode(in, out, true);
            if (result.isUnderflow()) return out.flip().toString();
            for (int i = 0; i < result.length(); i++) out.put((char) (ESCAPE + (in.get() & 0xFF)));
        }
    }

    static byte[] encode(String argument) {
        var bytes = new ByteArrayOutputStream(argument.length());
        argument.codePoints().forEach(c -> {
            if (c >= ESCAPE + 0x80 && c <= ESCAPE + 0xFF) bytes.write(c - ESCAPE);
            else bytes.writeBytes(Character.toString(c).getBytes(StandardCharsets.UTF_8));
        });
        return bytes.toByteArray();
    }

    /** Whether {@link ProcessBuilder}, which encodes by the locale, will pass on the very bytes meant. */
    static boolean passesUnchanged(String argument) {
        try {
            var encoded = LAUNCH_CHARSET.newEncoder().encode(CharBuffer.wrap(argument));
            return encoded.equals(ByteBuffer.wrap(encode(argument)));
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /**
     * The same command by way of a shell, for arguments the locale has no bytes for: those are spelled in octal, and the
     * shell becomes the command by exec, so that the pid is the same. The dot keeps line ends that a command substitution
     * would drop.
     */
    static List<String> throughShell(List<String> command) {
        var script = new StringBuilder();
        var exec = new StringBuilder("exec");
        var shell = new ArrayList<>(List.of("/bin/sh", "-c", "", "sh"));
        for (int i = 0; i < command.size(); i++) {
            var argument = command.get(i);
            if (passesUnchanged(argument)) {
                exec.append(" \"${").append(i + 1).append("}\"");
                shell.add(argument);
            } else {
                script.append("baton_argument_").append(i).append("=$(printf '");
                for (byte b : encode(argument)) script.append("\\%03o".formatted(b & 0xFF));
                script.append(".')\n");
                exec.append(" \"${baton_argument_").append(i).append("%.}\"");
                shell.add("");
            }
        }
        shell.set(2, script.append(exec).toString());
        return shell;
    }
}

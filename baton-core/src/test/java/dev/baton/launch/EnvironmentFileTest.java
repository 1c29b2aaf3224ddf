package dev.baton.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvironmentFileTest {
    @TempDir
    Path temp;

    @Test
    void shouldReadEveryFormOfLine() throws IOException {
        assertThat(read("""
                # a comment \\
                ; another

                PLAIN=value
                  SPACED =  two words \t
                EMPTY=
                HASH=a#b;c
                EQUALS=-Da=b -Dc="d e"
                SINGLE='as $HOME \\n it is'
                DOUBLE="say \\"hi\\" \\\\ \\$5 \\`x\\` \\n"
                JOINED=one\\
                 two
                JOINED_QUOTED="one \\
                two"
                LINES='first
                second'
                TWICE="a"'b'
                ESCAPED=a\\ b\\\\c\\\s
                UNICODE=Zoë 😀
                PLAIN=again"""))
                .containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                        Map.entry("PLAIN", "again"),
                        Map.entry("SPACED", "two words"),
                        Map.entry("EMPTY", ""),
                        Map.entry("HASH", "a#b;c"),
                        Map.entry("EQUALS", "-Da=b -Dc=\"d e\""),
                        Map.entry("SINGLE", "as $HOME \\n it is"),
                        Map.entry("DOUBLE", "say \"hi\" \\ $5 `x` \\n"),
                        Map.entry("JOINED", "one two"),
                        Map.entry("JOINED_QUOTED", "one two"),
                        Map.entry("LINES", "first\nsecond"),
                        Map.entry("TWICE", "ab"),
                        Map.entry("ESCAPED", "a b\\c "),
                        Map.entry("UNICODE", "Zoë 😀")));
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '^', delimiter = '|', textBlock = """
            A=1\\n\\nno equals   | 3 | KEY=VALUE, found 'no equals'
            export A=1           | 1 | a name of letters, digits and _ before =, found 'export A'
            1A=1                 | 1 | a name of letters, digits and _ before =, found '1A'
            =1                   | 1 | a name of letters, digits and _ before =, found ''
            A=1\\nB="x\\ny       | 2 | a closing " for the one on this line
            A='x                 | 1 | a closing ' for the one on this line
            A="x" y              | 1 | the end of the line after the closing quote
            A=x\\0               | 1 | text, found a NUL byte
            """)
    void shouldNameFileLineAndWhatWasExpected(String text, int line, String expected) {
        assertThatThrownBy(() -> read(text.replace("\\n", "\n").replace("\\0", "\0")))
                .isInstanceOf(IOException.class)
                .hasMessage("cannot read the environment file " + temp.resolve("env") + ", line " + line + ": expected "
                        + expected);
    }

    @Test
    void shouldSayWhyAFileCannotBeRead() throws IOException {
        var missing = temp.resolve("missing");
        assertThatThrownBy(() -> EnvironmentFile.read(missing))
                .hasMessage("cannot read the environment file " + missing + ": no such file or directory");
        var latin = Files.write(temp.resolve("latin"), "A=Zo\u00eb".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> EnvironmentFile.read(latin))
                .hasMessage("cannot read the environment file " + latin + ": expected UTF-8");
    }

    private Map<String, String> read(String text) throws IOException {
        return EnvironmentFile.read(Files.writeString(temp.resolve("env"), text));
    }
}

package dev.baton.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 60, threadMode = ThreadMode.SEPARATE_THREAD)
class PidFileTest {
    @TempDir
    Path temp;

    @Test
    void shouldNameThePidReadableForAll() throws IOException {
        var file = temp.resolve("app.pid");

        PidFile.write(file, 4711);

        assertThat(file).hasContent("4711\n");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-r--r--");
        assertThat(PidFile.read(file)).isEqualTo(OptionalLong.of(4711));
    }

    @Test
    void shouldReplaceTheFileAsAWhole() throws IOException {
        var file = temp.resolve("app.pid");
        PidFile.write(file, 1);
        try (var before = Files.newBufferedReader(file)) {
            PidFile.write(file, 2);

            assertThat(before.readLine()).isEqualTo("1");
        }
        assertThat(file).hasContent("2\n");
        assertThat(temp).isDirectoryContaining(file::equals).isDirectoryNotContaining("glob:**.tmp");
    }

    @Test
    void shouldRemoveOnlyAFileThatStillNamesThePid() throws IOException {
        var file = temp.resolve("app.pid");
        PidFile.write(file, 2);

        assertThat(PidFile.removeIf(file, 1)).isFalse();
        assertThat(file).exists();
        assertThat(PidFile.removeIf(file, 2)).isTrue();
        assertThat(file).doesNotExist();
        assertThat(PidFile.removeIf(file, 2)).isFalse();
        assertThat(PidFile.read(file)).isEmpty();
    }

    @Test
    void shouldRatherHaveNoFileThanAWrongOneWhenTheDiskTakesNothing() throws Exception {
        var file = temp.resolve("app.pid");
        PidFile.write(file, 1);
        var builder = new ProcessBuilder("/bin/sh", "-c", "ulimit -f 0 && exec \"$@\"", "sh");
        builder.command()
                .addAll(Jvm.command(Jvm.java().toString(), Writer.class, List.of("-XX:-UsePerfData"), file.toString()));

        var output = Jvm.run(builder);

        assertThat(output)
                .contains("cannot write pid 2 to the pid file " + file
                        + ": file too large; removed it, since what it says is no longer so");
        assertThat(temp).isEmptyDirectory();
    }

    @Test
    void shouldSayPathPidAndReason() throws IOException {
        var nowhere = temp.resolve("missing/app.pid");
        assertThatThrownBy(() -> PidFile.write(nowhere, 7))
                .isInstanceOf(IOException.class)
                .hasMessage("cannot write pid 7 to the pid file " + nowhere + ": no such file or directory");
        assertThatThrownBy(() -> PidFile.write(temp, 7))
                .hasMessage("cannot write pid 7 to the pid file " + temp + ": it is a directory");
        var empty = Files.writeString(temp.resolve("empty"), "");
        assertThatThrownBy(() -> PidFile.removeIf(empty, 7))
                .hasMessage("cannot read the pid file " + empty + ": it names no pid");
    }

    static final class Writer {
        private Writer() {}

        public static void main(String[] args) {
            try {
                PidFile.write(Path.of(args[0]), 2);
            } catch (IOException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}

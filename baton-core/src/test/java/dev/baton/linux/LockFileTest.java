package dev.baton.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LockFileTest {
    @TempDir
    private Path directory;

    @Test
    @SuppressWarnings("try") // closing is what is tested
    void shouldHaveOneHolderAtATime() throws Exception {
        var path = directory.resolve("lock");
        try (var one = LockFile.open(path);
                var other = LockFile.open(path)) {
            assertThat(one.tryAcquire()).isTrue();
            assertThat(one.tryAcquire()).isTrue();
            assertThat(other.tryAcquire()).isFalse();
            one.release();
            assertThat(other.tryAcquire()).isTrue();
            assertThat(one.tryAcquire()).isFalse();
            other.close();
            other.close();
            assertThat(one.tryAcquire()).isTrue();
            assertThatIllegalStateException().isThrownBy(other::tryAcquire);
        }
        assertThat(path).exists();
    }

    @Test
    void shouldBeFreeOnceItsHolderIsKilled() throws Exception {
        var path = directory.resolve("lock");
        try (var mine = LockFile.open(path)) {
            try (var child = ChildJvm.run(Hold.class, path.toString())) {
                assertThat(child.line()).isEqualTo("held: true");
                assertThat(mine.tryAcquire()).isFalse();
            }
            assertThat(mine.tryAcquire()).isTrue();
        }
    }

    /** Holds the lock until it is killed. */
    static final class Hold {
        public static void main(String[] arguments) throws Exception {
            var lock = LockFile.open(Path.of(arguments[0]));
            System.out.println("held: " + lock.tryAcquire());
            Thread.currentThread().join();
        }
    }

    @Test
    void shouldMakeTheFileForItsUserAlone() throws Exception {
        var path = directory.resolve("lock");
        LockFile.open(path).close();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rw-------");
    }

    @Test
    void shouldSayWhichFileItCouldNotOpen() {
        var path = directory.resolve("missing").resolve("lock");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> LockFile.open(path))
                .withMessage("open(%s): ENOENT, no such file or directory", path);
    }
}

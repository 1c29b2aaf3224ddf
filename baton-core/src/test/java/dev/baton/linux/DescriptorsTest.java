package dev.baton.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DescriptorsTest {
    @Test
    @SuppressWarnings("try") // closing is what is tested
    void shouldCloseOnceAndOnlyWhatIsStillOwned() throws Exception {
        var pipe = Descriptors.pipe();
        try (var reading = pipe.get(0);
                var writing = pipe.get(1)) {
            var number = writing.release();
            assertThat(writing.isClosed()).isTrue();
            assertThatIllegalStateException().isThrownBy(writing::number);
            assertThatIllegalStateException().isThrownBy(writing::release);
            writing.close();
            var again = OwnedDescriptor.of(number);
            assertThat(Descriptors.isCloseOnExec(again)).isTrue();
            again.close();
            again.close();
            assertThat(again.isClosed()).isTrue();
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> Descriptors.isCloseOnExec(new BorrowedDescriptor(number)))
                    .withMessageContaining("EBADF");
            assertThat(reading.isClosed()).isFalse();
        }
    }

    @Test
    void shouldDuplicateTheSameOpenFile() throws Exception {
        var pipe = Descriptors.pipe();
        try (var reading = pipe.get(0);
                var writing = pipe.get(1);
                var duplicate = reading.duplicate()) {
            assertThat(duplicate.number())
                    .isGreaterThan(2)
                    .isNotEqualTo(reading.number())
                    .isNotEqualTo(writing.number());
            assertThat(target(duplicate)).isEqualTo(target(reading));
            assertThat(Descriptors.isCloseOnExec(duplicate)).isTrue();
            try (var ofBorrowed = new BorrowedDescriptor(reading.number()).duplicate()) {
                assertThat(target(ofBorrowed)).isEqualTo(target(reading));
            }
        }
    }

    @Test
    void shouldDuplicateOntoANumberInUse() throws Exception {
        var one = Descriptors.pipe();
        var other = Descriptors.pipe();
        try (var reading = one.get(0);
                var writing = one.get(1);
                var otherReading = other.get(0);
                var otherWriting = other.get(1)) {
            Descriptors.duplicateOnto(reading, otherReading.number());
            assertThat(target(otherReading)).isEqualTo(target(reading)).isEqualTo(target(writing));
            assertThat(target(otherWriting)).isNotEqualTo(target(reading));
            assertThat(Descriptors.isCloseOnExec(otherReading)).isTrue();
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Descriptors.duplicateOnto(reading, reading.number()))
                    .returns(LinuxException.EINVAL, LinuxException::errno)
                    .withMessage("dup3(%d, %<d): EINVAL, invalid argument", reading.number());
        }
    }

    @Test
    void shouldTellWhetherCallsWait() throws Exception {
        var pipe = Descriptors.pipe();
        var sockets = PacketSocket.pair();
        try (var reading = pipe.get(0);
                var _ = pipe.get(1);
                var a = sockets.get(0);
                var _ = sockets.get(1)) {
            assertThat(Descriptors.isNonBlocking(reading)).isFalse();
            assertThat(Descriptors.isNonBlocking(a.descriptor())).isTrue();
        }
    }

    /** In a JVM that opens nothing else meanwhile. */
    @Test
    void shouldCountWhatIsOpenAndReadTheLimit() throws Exception {
        try (var child = ChildJvm.runWithDescriptorLimit(200, CountOpen.class)) {
            assertThat(child.linesToTheEnd()).containsExactly("2 more", "limit 200");
        }
    }

    static final class CountOpen {
        public static void main(String[] arguments) throws IOException {
            Descriptors.pipe();
            Descriptors.open();
            var before = Descriptors.open();
            Descriptors.pipe();
            var after = Descriptors.open();
            System.out.println((after - before) + " more");
            System.out.println("limit " + Descriptors.limit());
        }
    }

    @Test
    void shouldTellTheUser() throws Exception {
        assertThat(User.id()).isEqualTo(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    }

    private static Path target(OwnedDescriptor descriptor) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor.number()));
    }
}

package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;

/**
 * Two connected stream sockets of the Unix domain (socketpair(2)), close-on-exec and non-blocking.
 *
 * @param here one end
 * @param there the other
 */
public record SocketPair(OwnedDescriptor here, OwnedDescriptor there) implements AutoCloseable {
    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_NONBLOCK = 0x800;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int BUFFER_BYTES = 16 * 1024;
    private static final int SHUT_WR = 1;

    /**
     * What was written at the other end.
     *
     * @param bytes all of it
     * @param isOver whether the other end can write no more
     */
    @SuppressWarnings("ArrayRecordComponent") // bytes on their way, never compared
    public record Written(byte[] bytes, boolean isOver) {}

    /**
     * Makes a pair.
     *
     * @return the pair
     * @throws LinuxException {@link LinuxException#EMFILE} if no descriptor is left
     */
    public static SocketPair open() throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var ends = arena.allocate(JAVA_INT, 2);
            var type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
            check(SystemCall.SOCKETPAIR.invoke(AF_UNIX, type, 0, ends.address()), "socketpair");
            return new SocketPair(
                    OwnedDescriptor.of(ends.getAtIndex(JAVA_INT, 0)), OwnedDescriptor.of(ends.getAtIndex(JAVA_INT, 1)));
        }
    }

    /**
     * Reads what was written at the other end of a non-blocking stream, without waiting.
     *
     * @param stream this end
     * @return what was written
     */
    public static Written drain(Descriptor stream) {
        try (var arena = Arena.ofConfined()) {
            var buffer = arena.allocate(BUFFER_BYTES);
            var bytes = new ByteArrayOutputStream();
            while (true) {
                var n = SystemCall.READ.invoke(stream.number(), buffer.address(), BUFFER_BYTES);
                if (n <= 0) {
                    return new Written(bytes.toByteArray(), n != -LinuxException.EAGAIN);
                }
                bytes.writeBytes(buffer.asSlice(0, n).toArray(JAVA_BYTE));
            }
        }
    }

    /**
     * Writes to a stream, and ends it if nothing more is to come. What it does not take is lost.
     *
     * @param written what to write
     * @param stream where
     */
    public static void pass(Written written, Descriptor stream) {
        try (var arena = Arena.ofConfined()) {
            var left = arena.allocateFrom(JAVA_BYTE, written.bytes());
            for (long n = 1; n > 0 && left.byteSize() > 0; left = left.asSlice(Math.max(0, n))) {
                n = SystemCall.WRITE.invoke(stream.number(), left.address(), left.byteSize());
            }
            if (written.isOver()) {
                var _ = SystemCall.SHUTDOWN.invoke(stream.number(), SHUT_WR);
            }
        }
    }

    @Override
    public void close() {
        here.close();
        there.close();
    }
}

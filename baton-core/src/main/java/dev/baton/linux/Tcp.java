package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/** What the kernel knows of a TCP socket: {@code struct tcp_info} (linux/tcp.h) and the queues (tcp(7)). */
public final class Tcp {
    private static final int IPPROTO_TCP = 6;
    private static final int TCP_INFO = 11;
    private static final int LISTEN = 10;
    private static final int SIOCINQ = 0x541B;
    private static final int SIOCOUTQ = 0x5411;
    private static final int SIOCOUTQNSD = 0x894B;
    private static final int INFO_BYTES = 256;
    private static final int SACKED = 28;
    private static final int LAST_DATA_SENT = 44;
    private static final int LAST_DATA_RECEIVED = 52;
    private static final int BYTES_RECEIVED = 128;
    private static final int DATA_SEGMENTS_IN = 152;
    private static final int DATA_SEGMENTS_OUT = 156;
    private static final int BYTES_ACKNOWLEDGED = 120;
    private static final int ESTABLISHED = 1;
    private static final int SHUT_RD = 0;

    private Tcp() {}

    /**
     * A connection at one instant. The two times come from the kernel's tick, 1 to 10 ms: what happened in one tick has no
     * order.
     *
     * @param sentMs how long ago the last data was sent, in milliseconds
     * @param receivedMs how long ago the last data was received, in milliseconds
     * @param received how many bytes were received in all
     * @param segmentsIn how many segments with data came in
     * @param segmentsOut how many segments with data went out
     * @param unread how many bytes that came in the application has not read
     * @param unsent how many bytes were written and have not gone out yet; what has, the kernel delivers without the process
     */
    public record Traffic(
            long sentMs, long receivedMs, long received, long segmentsIn, long segmentsOut, int unread, int unsent) {}

    /**
     * The traffic of a connection.
     *
     * @param descriptor any descriptor
     * @return null if it is no TCP connection, or listens
     */
    public static @Nullable Traffic traffic(Descriptor descriptor) {
        try (var arena = Arena.ofConfined()) {
            var info = arena.allocate(INFO_BYTES, 8);
            var length = arena.allocateFrom(JAVA_INT, INFO_BYTES);
            var n = descriptor.number();
            if (SystemCall.GETSOCKOPT.invoke(n, IPPROTO_TCP, TCP_INFO, info.address(), length.address()) < 0
                    || info.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0) == LISTEN) {
                return null;
            }
            var queue = arena.allocate(JAVA_INT);
            var unread = SystemCall.IOCTL.invoke(n, SIOCINQ, queue.address()) < 0 ? 0 : queue.get(JAVA_INT, 0);
            var unsent = SystemCall.IOCTL.invoke(n, SIOCOUTQNSD, queue.address()) < 0 ? 0 : queue.get(JAVA_INT, 0);
            return new Traffic(
                    Integer.toUnsignedLong(info.get(JAVA_INT, LAST_DATA_SENT)),
                    Integer.toUnsignedLong(info.get(JAVA_INT, LAST_DATA_RECEIVED)),
                    info.get(JAVA_LONG, BYTES_RECEIVED),
                    Integer.toUnsignedLong(info.get(JAVA_INT, DATA_SEGMENTS_IN)),
                    Integer.toUnsignedLong(info.get(JAVA_INT, DATA_SEGMENTS_OUT)),
                    unread,
                    unsent);
        }
    }

    /**
     * How far a connection has been used.
     *
     * @param read how many bytes the application has read
     * @param written how many bytes the application has written
     */
    public record Progress(long read, long written) {}

    /**
     * How far a connection has been used, in bytes. Exact when nobody reads or writes meanwhile. What comes from the peer
     * meanwhile changes neither number; it can only make this look again.
     *
     * @param descriptor any descriptor
     * @return null if it is no TCP connection open in both directions
     */
    public static @Nullable Progress progress(Descriptor descriptor) {
        // Written is what was acknowledged and what is on its way; read is what came in order and is not in the queue.
        // The
        // kernel tells the parts one after the other, so the queues are asked again until they have not changed
        // meanwhile.
        try (var arena = Arena.ofConfined()) {
            var info = arena.allocate(INFO_BYTES, 8);
            var length = arena.allocate(JAVA_INT);
            var queue = arena.allocate(JAVA_INT);
            var n = descriptor.number();
            while (true) {
                var unread = queue(n, SIOCINQ, queue);
                var underWay = queue(n, SIOCOUTQ, queue);
                length.set(JAVA_INT, 0, INFO_BYTES);
                if (SystemCall.GETSOCKOPT.invoke(n, IPPROTO_TCP, TCP_INFO, info.address(), length.address()) < 0
                        || info.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0) != ESTABLISHED) {
                    return null;
                }
                if (unread == queue(n, SIOCINQ, queue) && underWay == queue(n, SIOCOUTQ, queue)) {
                    return new Progress(
                            info.get(JAVA_LONG, BYTES_RECEIVED) - unread,
                            info.get(JAVA_LONG, BYTES_ACKNOWLEDGED) + underWay);
                }
            }
        }
    }

    private static int queue(int number, int which, java.lang.foreign.MemorySegment into) {
        return SystemCall.IOCTL.invoke(number, which, into.address()) < 0 ? 0 : into.get(JAVA_INT, 0);
    }

    /**
     * Lets whoever reads from a connection find its end, as if the peer had sent nothing more. What came before, and what
     * still comes, can be read first; sending goes on as before (shutdown(2), SHUT_RD).
     *
     * @param connection a connection
     */
    public static void endInput(Descriptor connection) {
        // It fails where the peer was faster.
        var _ = SystemCall.SHUTDOWN.invoke(connection.number(), SHUT_RD);
    }

    /**
     * Writes a few bytes, whole or not at all, without waiting: while everything written before has gone out, the kernel has
     * room for them. Nobody else may write meanwhile.
     *
     * @param connection a connection
     * @param bytes what to write
     * @return whether it was written
     */
    public static boolean say(Descriptor connection, byte[] bytes) {
        try (var arena = Arena.ofConfined()) {
            if (queue(connection.number(), SIOCOUTQNSD, arena.allocate(JAVA_INT)) > 0) {
                return false;
            }
            var text = arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_BYTE, bytes);
            return SystemCall.WRITE.invoke(connection.number(), text.address(), bytes.length) == bytes.length;
        }
    }

    /**
     * How many connections may wait at a listening TCP socket: for one that listens the kernel tells that in the place of
     * {@code tcpi_sacked} (net/ipv4/tcp.c, tcp_get_info).
     *
     * @param listener a listening TCP socket
     * @return its backlog, as cut to net.core.somaxconn
     * @throws LinuxException if it is no TCP socket
     */
    public static int backlog(Descriptor listener) throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var info = arena.allocate(INFO_BYTES, 8);
            var length = arena.allocateFrom(JAVA_INT, INFO_BYTES);
            var n = listener.number();
            check(
                    SystemCall.GETSOCKOPT.invoke(n, IPPROTO_TCP, TCP_INFO, info.address(), length.address()),
                    "getsockopt",
                    n,
                    "TCP_INFO");
            return info.get(JAVA_INT, SACKED);
        }
    }
}

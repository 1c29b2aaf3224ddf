package dev.baton.linux;

import static dev.baton.linux.LinuxException.EAGAIN;
import static dev.baton.linux.LinuxException.ECONNABORTED;
import static dev.baton.linux.LinuxException.ECONNRESET;
import static dev.baton.linux.LinuxException.check;
import static dev.baton.linux.Listeners.SOCK_CLOEXEC_NONBLOCK;
import static dev.baton.linux.Listeners.SOCK_SEQPACKET;
import static dev.baton.linux.Listeners.SOL_SOCKET;
import static dev.baton.linux.SocketAddresses.AF_UNIX;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A Unix socket that carries packets, each with the descriptors that belong to it (unix(7), SOCK_SEQPACKET, SCM_RIGHTS).
 * Packets arrive whole, in order and once, or the connection has ended.
 *
 * <p>It never waits (a {@link Poller} does) and it is close-on-exec. Safe for use by any thread: {@link #close} lets a call
 * that is under way finish first, so that none hits a number that was given away.
 */
public final class PacketSocket implements AutoCloseable {
    /*
     * Descriptors that arrive in a packet are installed in this process before recvmsg(2) returns: from then on each is
     * either handed to the caller or closed, whatever else goes wrong. So every one is wrapped first and looked at later.
     * The kernel cuts a list of descriptors short (MSG_CTRUNC) when the buffer for it is too small, which ours is not, or
     * when this process has no number left, which happens; those that still fit have been installed and are closed here.
     *
     * struct msghdr, 64 bit: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48.
     * struct cmsghdr: size_t len 0, int level 8, int type 12, data from 16, each header aligned to 8 (cmsg(3)).
     */
    private static final int MSGHDR_BYTES = 56;
    private static final int IOV = 16;
    private static final int IOVLEN = 24;
    private static final int CONTROL = 32;
    private static final int CONTROLLEN = 40;
    private static final int FLAGS = 48;
    private static final int CMSGHDR_BYTES = 16;
    private static final int SCM_RIGHTS = 1;

    private static final int MSG_CTRUNC = 8;
    private static final int MSG_TRUNC = 0x20;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_CMSG_CLOEXEC = 0x40000000;

    private static final int SO_PEERCRED = 17;
    private static final int SHUT_RDWR = 2;

    /** How many descriptors one packet can carry (SCM_MAX_FD). */
    public static final int MAX_DESCRIPTORS = 253;

    private static final int MAX_CONTROL_BYTES = controlBytes(MAX_DESCRIPTORS);

    private final OwnedDescriptor descriptor;

    private PacketSocket(OwnedDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** What {@link #receive} found. */
    public sealed interface Received {
        /**
         * A packet.
         *
         * @param bytes what was sent, at least one byte
         * @param descriptors what came with it in the order sent, close-on-exec, the receiver's to close
         */
        @SuppressWarnings("ArrayRecordComponent")
        record Packet(byte[] bytes, List<OwnedDescriptor> descriptors) implements Received {}

        /** Nothing has arrived yet. */
        record Nothing() implements Received {}

        /** The peer has closed, or died; nothing will arrive any more. */
        record End() implements Received {}

        /**
         * A packet arrived damaged and is gone. Every descriptor that came with it has been closed.
         *
         * @param reason what was wrong with it, for a log
         */
        record Truncated(String reason) implements Received {}
    }

    /**
     * A socket that accepts connections at a path. Its file has mode 0600, or less if the umask says so, from its first
     * moment on: Linux gives a socket's file the mode of the socket, so the mode is set before bind(2), and no umask is
     * touched, which all threads share.
     *
     * <p>Closing it leaves the file. A file left by a dead process answers {@link LinuxException#ECONNREFUSED} to those who
     * connect, and {@link LinuxException#EADDRINUSE} here; whether to remove it is for the caller to know.
     *
     * @param path where; no file may be there, and at most 107 bytes
     * @param backlog how many connections may wait to be accepted
     * @return the listening socket
     * @throws LinuxException if the kernel refuses, or the path is too long
     */
    public static PacketSocket listen(Path path, int backlog) throws LinuxException {
        var socket = Listeners.socket(AF_UNIX, SOCK_SEQPACKET);
        try {
            check(SystemCall.FCHMOD.invoke(socket.number(), 0600), "fchmod", path);
            Listeners.bind(socket, UnixDomainSocketAddress.of(path));
            Listeners.listen(socket, backlog, path);
            return new PacketSocket(socket);
        } catch (Throwable e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Connects to the socket at a path.
     *
     * @param path where; at most 107 bytes
     * @return a connected socket, perhaps not accepted yet
     * @throws LinuxException {@link LinuxException#ENOENT} if there is no such file, {@link LinuxException#ECONNREFUSED} if
     *     nobody listens there any more, {@link LinuxException#EAGAIN} if the backlog is full, or another refusal
     */
    public static PacketSocket connect(Path path) throws LinuxException {
        var socket = Listeners.socket(AF_UNIX, SOCK_SEQPACKET);
        try (var arena = Arena.ofConfined()) {
            var sockaddr = SocketAddresses.write(arena, UnixDomainSocketAddress.of(path));
            check(SystemCall.CONNECT.invoke(socket.number(), sockaddr.address(), sockaddr.byteSize()), "connect", path);
            return new PacketSocket(socket);
        } catch (Throwable e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Two sockets connected to each other (socketpair(2)).
     *
     * @return both
     * @throws LinuxException if no descriptor is left
     */
    public static List<PacketSocket> pair() throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var ends = arena.allocate(JAVA_INT, 2);
            var type = SOCK_SEQPACKET | SOCK_CLOEXEC_NONBLOCK;
            check(SystemCall.SOCKETPAIR.invoke(AF_UNIX, type, 0, ends.address()), "socketpair");
            return List.of(
                    new PacketSocket(OwnedDescriptor.of(ends.getAtIndex(JAVA_INT, 0))),
                    new PacketSocket(OwnedDescriptor.of(ends.getAtIndex(JAVA_INT, 1))));
        }
    }

    /**
     * A socket that came from another process.
     *
     * @param descriptor a non-blocking SOCK_SEQPACKET socket, this one's from now on
     * @return the socket
     */
    public static PacketSocket of(OwnedDescriptor descriptor) {
        return new PacketSocket(descriptor);
    }

    /**
     * Takes the next connection of a listening socket.
     *
     * @return the connection; null if none waits
     * @throws LinuxException {@link LinuxException#EMFILE} if no descriptor is left, the connection then waits on;
     *     {@link LinuxException#EINVAL} after {@link #shutdown}
     * @throws IllegalStateException if it is closed
     */
    public synchronized @Nullable PacketSocket accept() throws LinuxException {
        var n = descriptor.number();
        var result = SystemCall.ACCEPT4.invoke(n, 0, 0, SOCK_CLOEXEC_NONBLOCK);
        if (result == -EAGAIN || result == -ECONNABORTED) {
            return null;
        }
        return new PacketSocket(OwnedDescriptor.of(result, "accept", n));
    }

    /**
     * Who is at the other end: for an accepted connection the process that connected, for one made by {@link #connect} the
     * process that called {@link #listen}, for both ends of a {@link #pair} the process that made it.
     *
     * @return pid and user, as of that moment
     * @throws LinuxException if the kernel refuses
     * @throws IllegalStateException if it is closed
     */
    public synchronized PeerCredentials peer() throws LinuxException {
        var n = descriptor.number();
        try (var arena = Arena.ofConfined()) {
            var ucred = arena.allocate(JAVA_INT, 3);
            var length = arena.allocateFrom(JAVA_INT, (int) ucred.byteSize());
            check(
                    SystemCall.GETSOCKOPT.invoke(n, SOL_SOCKET, SO_PEERCRED, ucred.address(), length.address()),
                    "getsockopt",
                    n,
                    "SO_PEERCRED");
            return new PeerCredentials(
                    ucred.getAtIndex(JAVA_INT, 0), ucred.getAtIndex(JAVA_INT, 1), ucred.getAtIndex(JAVA_INT, 2));
        }
    }

    /**
     * Sends one packet, all of it with all its descriptors or nothing. The descriptors stay open here; the peer gets
     * duplicates, which live on in the packet even if they are closed here before it is read.
     *
     * @param packet at least one byte, since a packet of none looks like the end
     * @param descriptors what goes with it, at most {@link #MAX_DESCRIPTORS}
     * @return false if the peer has too much unread; try again later
     * @throws LinuxException {@link LinuxException#EPIPE} if the peer has closed or died, {@link LinuxException#EMSGSIZE} if
     *     the packet is larger than the send buffer, {@link LinuxException#ETOOMANYREFS} if too many descriptors are under
     *     way unread
     * @throws IllegalArgumentException if the packet is empty or has too many descriptors
     * @throws IllegalStateException if it or one of the descriptors is closed
     */
    public synchronized boolean send(byte[] packet, List<? extends Descriptor> descriptors) throws LinuxException {
        if (packet.length == 0) {
            throw new IllegalArgumentException("an empty packet would look like the end of the connection");
        }
        if (descriptors.size() > MAX_DESCRIPTORS) {
            throw new IllegalArgumentException(descriptors.size() + " descriptors in one packet, where "
                    + MAX_DESCRIPTORS + " are the most; send them in several");
        }
        var n = descriptor.number();
        try (var arena = Arena.ofConfined()) {
            var message = message(arena, arena.allocateFrom(JAVA_BYTE, packet), rights(arena, descriptors));
            var result = transfer(SystemCall.SENDMSG, n, message, MSG_NOSIGNAL);
            if (result == -EAGAIN) {
                return false;
            }
            check(result, "sendmsg", n, packet.length + " bytes", descriptors.size() + " descriptors");
            return true;
        }
    }

    /**
     * Receives one packet, if one has arrived.
     *
     * @param limitBytes the longest packet to accept, at least 1
     * @return the packet, or why there is none
     * @throws LinuxException if the kernel refuses, say for lack of memory
     * @throws IllegalStateException if it is closed
     */
    public synchronized Received receive(int limitBytes) throws LinuxException {
        if (limitBytes < 1) {
            throw new IllegalArgumentException("a limit of " + limitBytes + " bytes");
        }
        var n = descriptor.number();
        var descriptors = new ArrayList<OwnedDescriptor>();
        try (var arena = Arena.ofConfined()) {
            var buffer = arena.allocate(limitBytes);
            var control = arena.allocate(MAX_CONTROL_BYTES, 8);
            var message = message(arena, buffer, control);
            var result = transfer(SystemCall.RECVMSG, n, message, MSG_CMSG_CLOEXEC);
            if (result == -EAGAIN) {
                return new Received.Nothing();
            }
            var length = check(result, "recvmsg", n);
            own(control.asSlice(0, message.get(JAVA_LONG, CONTROLLEN)), descriptors);
            var flags = message.get(JAVA_INT, FLAGS);
            if ((flags & MSG_CTRUNC) != 0) {
                closeAll(descriptors);
                return new Received.Truncated("only " + descriptors.size() + " of its descriptors could be received;"
                        + " this process may have none left (ulimit -n)");
            }
            if ((flags & MSG_TRUNC) != 0) {
                closeAll(descriptors);
                return new Received.Truncated("longer than " + limitBytes + " bytes");
            }
            if (length == 0) {
                closeAll(descriptors);
                return new Received.End();
            }
            return new Received.Packet(buffer.asSlice(0, length).toArray(JAVA_BYTE), List.copyOf(descriptors));
        } catch (Throwable e) {
            closeAll(descriptors);
            throw e;
        }
    }

    /** {@return what to give a {@link Poller}; it stays this socket's to close} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /**
     * Ends the connection in both directions: the peer and a {@link Poller} here see the end. A listening socket refuses
     * connections from now on. Never fails; no effect on a closed socket.
     */
    public synchronized void shutdown() {
        if (!descriptor.isClosed()) {
            var _ = SystemCall.SHUTDOWN.invoke(descriptor.number(), SHUT_RDWR);
        }
    }

    /** Closes it, once; later calls have no effect. */
    @Override
    public synchronized void close() {
        descriptor.close();
    }

    /** {@return {@code packet socket, descriptor 7}} */
    @Override
    public String toString() {
        return "packet socket, " + descriptor;
    }

    /**
     * A peer that closes with packets of ours unread leaves ECONNRESET behind. The kernel tells it once, ahead of the
     * packets that peer had sent; the same call again tells what is to be told: those packets, the end, or EPIPE.
     */
    private static long transfer(SystemCall call, int number, MemorySegment message, int flags) {
        var result = call.invoke(number, message.address(), flags);
        return result == -ECONNRESET ? call.invoke(number, message.address(), flags) : result;
    }

    private static MemorySegment message(Arena arena, MemorySegment bytes, MemorySegment control) {
        var iov = arena.allocate(JAVA_LONG, 2);
        iov.setAtIndex(JAVA_LONG, 0, bytes.address());
        iov.setAtIndex(JAVA_LONG, 1, bytes.byteSize());
        var message = arena.allocate(MSGHDR_BYTES, 8);
        message.set(JAVA_LONG, IOV, iov.address());
        message.set(JAVA_LONG, IOVLEN, 1);
        message.set(JAVA_LONG, CONTROL, control.address());
        message.set(JAVA_LONG, CONTROLLEN, control.byteSize());
        return message;
    }

    private static MemorySegment rights(Arena arena, List<? extends Descriptor> descriptors) {
        if (descriptors.isEmpty()) {
            return MemorySegment.NULL;
        }
        var control = arena.allocate(controlBytes(descriptors.size()), 8);
        control.set(JAVA_LONG, 0, CMSGHDR_BYTES + JAVA_INT.byteSize() * descriptors.size());
        control.set(JAVA_INT, 8, SOL_SOCKET);
        control.set(JAVA_INT, 12, SCM_RIGHTS);
        for (var i = 0; i < descriptors.size(); i++) {
            control.set(
                    JAVA_INT,
                    CMSGHDR_BYTES + JAVA_INT.byteSize() * i,
                    descriptors.get(i).number());
        }
        return control;
    }

    /** Takes ownership of every descriptor in the control data. */
    private static void own(MemorySegment control, List<OwnedDescriptor> descriptors) {
        var at = 0L;
        while (at + CMSGHDR_BYTES <= control.byteSize()) {
            var length = control.get(JAVA_LONG, at);
            if (length < CMSGHDR_BYTES) {
                return;
            }
            if (control.get(JAVA_INT, at + 8) == SOL_SOCKET && control.get(JAVA_INT, at + 12) == SCM_RIGHTS) {
                for (var i = at + CMSGHDR_BYTES; i + JAVA_INT.byteSize() <= at + length; i += JAVA_INT.byteSize()) {
                    descriptors.add(OwnedDescriptor.of(control.get(JAVA_INT, i)));
                }
            }
            at += aligned(length);
        }
    }

    private static void closeAll(List<OwnedDescriptor> descriptors) {
        descriptors.forEach(OwnedDescriptor::close);
    }

    private static int controlBytes(int descriptors) {
        return CMSGHDR_BYTES + (int) aligned(JAVA_INT.byteSize() * descriptors);
    }

    private static long aligned(long bytes) {
        return (bytes + 7) & ~7L;
    }
}

package dev.baton.linux;

import static dev.baton.linux.LinuxException.EBADF;
import static dev.baton.linux.LinuxException.ENOTSOCK;
import static dev.baton.linux.LinuxException.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Listening stream sockets: making them, asking about them, finding those this process has. */
public final class Listeners {
    static final int SOCK_STREAM = 1;
    static final int SOCK_SEQPACKET = 5;

    /** For every socket made here: close-on-exec and non-blocking. */
    static final int SOCK_CLOEXEC_NONBLOCK = 0x80000 | 0x800;

    static final int SOL_SOCKET = 1;
    private static final int SO_REUSEADDR = 2;
    private static final int SO_TYPE = 3;
    private static final int SO_ACCEPTCONN = 30;
    private static final int IPPROTO_IPV6 = 41;
    private static final int IPV6_V6ONLY = 26;

    /** {@code Num RefCount Protocol Flags Type St Inode Path} (net/unix/af_unix.c, unix_seq_show). */
    private static final int UNIX_COLUMNS = 8;

    private static final int UNIX_FLAGS = 3;
    private static final String UNIX_LISTENS = "00010000";

    private Listeners() {}

    /**
     * A listening socket this process has open.
     *
     * @param descriptor its number, the property of whoever opened it
     * @param address where it listens
     */
    public record Found(BorrowedDescriptor descriptor, SocketAddress address) {}

    /**
     * A new listening stream socket, close-on-exec, non-blocking, with SO_REUSEADDR.
     *
     * <p>The address is taken at its word: {@code 0.0.0.0} is IPv4 alone, {@code ::} is both (IPV6_V6ONLY is off). The path
     * of a Unix address must not exist; its file gets the mode the umask leaves.
     *
     * @param address a resolved {@link InetSocketAddress}, or a {@link java.net.UnixDomainSocketAddress}; port 0 for any
     *     free one
     * @param backlog how many connections may wait to be accepted; the kernel takes no more than net.core.somaxconn
     * @return the socket, the caller's to close
     * @throws LinuxException if the kernel refuses the address, or it is a path too long for a socket
     * @throws IllegalArgumentException if the host is not resolved, or the address of another kind
     */
    public static OwnedDescriptor bind(SocketAddress address, int backlog) throws LinuxException {
        var socket = socket(SocketAddresses.family(address), SOCK_STREAM);
        try {
            if (address instanceof InetSocketAddress) {
                setOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
            }
            if (SocketAddresses.family(address) == SocketAddresses.AF_INET6) {
                setOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
            }
            bind(socket, address);
            listen(socket, backlog, address);
            return socket;
        } catch (Throwable e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Whether somebody listens on a path, told without connecting to it, which whoever listens would notice. The kernel knows
     * it by the words it was bound by ({@code /proc/net/unix}, unix(7)), also where the file is gone.
     *
     * @param path the path, as it was bound
     * @return whether any process has a listening socket of this name open
     * @throws IOException if {@code /proc} cannot be read
     */
    public static boolean isListening(Path path) throws IOException {
        try (var lines = Files.lines(Path.of("/proc/net/unix"), StandardCharsets.ISO_8859_1)) {
            var name = new String(path.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
            return lines.map(line -> line.split(" +", UNIX_COLUMNS))
                    .anyMatch(words -> words.length == UNIX_COLUMNS
                            && words[UNIX_FLAGS].equals(UNIX_LISTENS)
                            && words[UNIX_COLUMNS - 1].equals(name));
        }
    }

    /**
     * Where a socket is bound, as the kernel tells it (getsockname(2)). An IPv4 address that an IPv6 socket is bound to
     * comes back as IPv4.
     *
     * @param descriptor a socket
     * @return an {@link InetSocketAddress} with its real port, or a {@link java.net.UnixDomainSocketAddress}
     * @throws LinuxException {@link LinuxException#ENOTSOCK} if it is no socket, {@link LinuxException#EBADF} if it is not
     *     open
     * @throws UnsupportedOperationException if Java has no type for the address: another family (vsock), or a Unix socket
     *     without a path
     */
    public static SocketAddress localAddress(Descriptor descriptor) throws LinuxException {
        var address = nameOf(descriptor);
        if (address == null) {
            throw new UnsupportedOperationException(
                    "descriptor " + descriptor.number() + " is bound to neither an IP address nor a path");
        }
        return address;
    }

    private static @Nullable SocketAddress nameOf(Descriptor descriptor) throws LinuxException {
        var n = descriptor.number();
        try (var arena = Arena.ofConfined()) {
            var sockaddr = arena.allocate(SocketAddresses.MAX_BYTES, 8);
            var length = arena.allocateFrom(JAVA_INT, SocketAddresses.MAX_BYTES);
            check(SystemCall.GETSOCKNAME.invoke(n, sockaddr.address(), length.address()), "getsockname", n);
            return SocketAddresses.read(sockaddr.asSlice(0, length.get(JAVA_INT, 0)));
        }
    }

    /**
     * {@return whether it is a socket that listens (SO_ACCEPTCONN); false for anything that is no socket}
     *
     * @param descriptor any descriptor
     * @throws LinuxException {@link LinuxException#EBADF} if it is not open
     */
    public static boolean isListening(Descriptor descriptor) throws LinuxException {
        try {
            return option(descriptor, SO_ACCEPTCONN) == 1;
        } catch (LinuxException e) {
            if (e.errno() == ENOTSOCK) {
                return false;
            }
            throw e;
        }
    }

    /**
     * {@return whether it is a stream socket (SO_TYPE)}
     *
     * @param descriptor a socket
     * @throws LinuxException if it is no socket, or not open
     */
    public static boolean isStream(Descriptor descriptor) throws LinuxException {
        return option(descriptor, SO_TYPE) == SOCK_STREAM;
    }

    /**
     * Every listening stream socket this process has open, whoever opened it: the JDK, a native transport, or
     * {@link #bind}. One that is open under several descriptors is found under each. Left out are those Java has no address
     * for (vsock, abstract Unix names) and our own packet sockets. What other threads open or close meanwhile may be found
     * or not.
     *
     * @return those found, by ascending number
     * @throws IOException if {@code /proc} cannot be read
     */
    public static List<Found> scan() throws IOException {
        var found = new ArrayList<Found>();
        try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var entry : entries) {
                var descriptor = new BorrowedDescriptor(
                        Integer.parseInt(entry.getFileName().toString()));
                var address = listeningAt(descriptor);
                if (address != null) {
                    found.add(new Found(descriptor, address));
                }
            }
        }
        found.sort(Comparator.comparingInt(f -> f.descriptor().number()));
        return List.copyOf(found);
    }

    private static @Nullable SocketAddress listeningAt(Descriptor descriptor) throws LinuxException {
        try {
            return isListening(descriptor) && isStream(descriptor) ? nameOf(descriptor) : null;
        } catch (LinuxException e) {
            if (e.errno() == EBADF || e.errno() == ENOTSOCK) {
                return null; // closed since the directory was read, the number perhaps taken by a file
            }
            throw e;
        }
    }

    /**
     * An address in words.
     *
     * @param address any
     * @return as an operator writes it: {@code 127.0.0.1:80}, {@code [::1]:80}, {@code /run/app.sock}
     */
    public static String text(SocketAddress address) {
        return SocketAddresses.text(address);
    }

    /**
     * Makes a bound socket listen, or gives a listening one another backlog (listen(2)). The backlog belongs to the socket:
     * making it smaller does so for every process that shares it.
     *
     * @param descriptor a bound stream socket
     * @param backlog how many connections may wait to be accepted
     * @throws LinuxException if the kernel refuses
     */
    public static void listen(Descriptor descriptor, int backlog) throws LinuxException {
        listen(descriptor, backlog, "descriptor " + descriptor.number());
    }

    static void listen(Descriptor descriptor, int backlog, Object where) throws LinuxException {
        check(SystemCall.LISTEN.invoke(descriptor.number(), backlog), "listen", where);
    }

    static OwnedDescriptor socket(int family, int type) throws LinuxException {
        return OwnedDescriptor.of(SystemCall.SOCKET.invoke(family, type | SOCK_CLOEXEC_NONBLOCK, 0), "socket");
    }

    static void bind(Descriptor socket, SocketAddress address) throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var sockaddr = SocketAddresses.write(arena, address);
            check(SystemCall.BIND.invoke(socket.number(), sockaddr.address(), sockaddr.byteSize()), "bind", address);
        }
    }

    private static void setOption(Descriptor socket, int level, int name, int value) throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocateFrom(JAVA_INT, value);
            check(
                    SystemCall.SETSOCKOPT.invoke(socket.number(), level, name, memory.address(), JAVA_INT.byteSize()),
                    "setsockopt",
                    socket.number(),
                    level,
                    name);
        }
    }

    private static int option(Descriptor socket, int name) throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var value = arena.allocate(JAVA_INT);
            var length = arena.allocateFrom(JAVA_INT, (int) JAVA_INT.byteSize());
            check(
                    SystemCall.GETSOCKOPT.invoke(socket.number(), SOL_SOCKET, name, value.address(), length.address()),
                    "getsockopt",
                    socket.number(),
                    name);
            return value.get(JAVA_INT, 0);
        }
    }
}

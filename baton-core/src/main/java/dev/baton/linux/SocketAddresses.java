package dev.baton.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Between the addresses of {@code java.net} and {@code struct sockaddr}: sockaddr_in (ip(7), 16 bytes), sockaddr_in6
 * (ipv6(7), 28 bytes) and sockaddr_un (unix(7), 2 bytes and up to 108 of path). *
 * <p>It is on the way to the first connection of a JVM, where a switch over types would cost milliseconds to set up.
 */
final class SocketAddresses {
    static final int AF_UNIX = 1;
    static final int AF_INET = 2;
    static final int AF_INET6 = 10;

    /** Enough for any of them. */
    static final int MAX_BYTES = 128;

    /** Of the 108 bytes of sun_path one is for the NUL at the end. */
    static final int MAX_PATH_BYTES = 107;

    /** How the JDK writes the names of files. */
    static final Charset FILE_NAMES = Charset.forName(System.getProperty("native.encoding", "UTF-8"));

    private static final ValueLayout.OfShort PORT = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private SocketAddresses() {}

    static int family(SocketAddress address) {
        if (address instanceof UnixDomainSocketAddress) {
            return AF_UNIX;
        }
        if (!(address instanceof InetSocketAddress inet)) {
            throw new IllegalArgumentException("neither an IP nor a Unix address: " + address);
        }
        if (inet.isUnresolved()) {
            throw new IllegalArgumentException("no address is known for the host of " + inet);
        }
        return inet.getAddress() instanceof Inet4Address ? AF_INET : AF_INET6;
    }

    /**
     * Writes an address.
     *
     * @param arena whose memory to use
     * @param address a resolved InetSocketAddress, or a UnixDomainSocketAddress with a path
     * @return the sockaddr, as long as the kernel is to be told
     * @throws LinuxException if a path is too long
     */
    static MemorySegment write(Arena arena, SocketAddress address) throws LinuxException {
        var family = (short) family(address);
        if (address instanceof UnixDomainSocketAddress unix) {
            var path = unix.getPath().toString().getBytes(FILE_NAMES);
            if (path.length == 0) {
                throw new IllegalArgumentException("a Unix address without a path");
            }
            if (path.length > MAX_PATH_BYTES) {
                throw new LinuxException(
                        "a socket at %s, a path of %d bytes where %d are the most"
                                .formatted(unix, path.length, MAX_PATH_BYTES),
                        LinuxException.ENAMETOOLONG);
            }
            var sockaddr = arena.allocate(2 + path.length + 1);
            sockaddr.set(JAVA_SHORT, 0, family);
            MemorySegment.copy(path, 0, sockaddr, JAVA_BYTE, 2, path.length);
            return sockaddr;
        }
        var inet = (InetSocketAddress) address;
        var ip = inet.getAddress().getAddress();
        var sockaddr = arena.allocate(family == AF_INET ? 16 : 28, 4);
        sockaddr.set(JAVA_SHORT, 0, family);
        sockaddr.set(PORT, 2, (short) inet.getPort());
        MemorySegment.copy(ip, 0, sockaddr, JAVA_BYTE, family == AF_INET ? 4 : 8, ip.length);
        if (inet.getAddress() instanceof Inet6Address six) {
            sockaddr.set(JAVA_INT, 24, six.getScopeId());
        }
        return sockaddr;
    }

    /**
     * Reads an address the kernel wrote.
     *
     * @param sockaddr the address
     * @return null if Java has no type for it: another family, or a Unix name that is no path
     */
    static @Nullable SocketAddress read(MemorySegment sockaddr) {
        if (sockaddr.byteSize() < 2) {
            return null;
        }
        try {
            return switch (sockaddr.get(JAVA_SHORT, 0)) {
                case AF_UNIX -> readUnix(sockaddr.asSlice(2).toArray(JAVA_BYTE));
                case AF_INET -> new InetSocketAddress(InetAddress.getByAddress(bytes(sockaddr, 4, 4)), port(sockaddr));
                case AF_INET6 -> new InetSocketAddress(readSix(sockaddr), port(sockaddr));
                default -> null;
            };
        } catch (UnknownHostException e) {
            throw new AssertionError("4 and 16 bytes are always an address", e);
        }
    }

    /** Addresses of the form ::ffff:a.b.c.d come back as IPv4, as {@link InetAddress#getByAddress(byte[])} has it. */
    private static InetAddress readSix(MemorySegment sockaddr) throws UnknownHostException {
        var ip = bytes(sockaddr, 8, 16);
        var scope = sockaddr.get(JAVA_INT, 24);
        return scope == 0 ? InetAddress.getByAddress(ip) : Inet6Address.getByAddress(null, ip, scope);
    }

    private static @Nullable SocketAddress readUnix(byte[] path) {
        if (path.length == 0 || path[0] == 0) {
            return null;
        }
        var length = 0;
        while (length < path.length && path[length] != 0) {
            length++;
        }
        return UnixDomainSocketAddress.of(new String(Arrays.copyOf(path, length), FILE_NAMES));
    }

    private static int port(MemorySegment sockaddr) {
        return Short.toUnsignedInt(sockaddr.get(PORT, 2));
    }

    private static byte[] bytes(MemorySegment sockaddr, long offset, long length) {
        return sockaddr.asSlice(offset, length).toArray(JAVA_BYTE);
    }

    /** {@return the address as an operator writes it: {@code 127.0.0.1:80}, {@code [::1]:80}, {@code /run/app.sock}} */
    static String text(SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet) || inet.isUnresolved()) {
            return address.toString();
        }
        var ip = inet.getAddress().getHostAddress().replaceFirst("(^|:)(0(:|$)){2,}", "::");
        return (ip.contains(":") ? "[" + ip + "]:" : ip + ":") + inet.getPort();
    }
}

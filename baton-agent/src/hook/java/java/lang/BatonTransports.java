package java.lang;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import jdk.internal.loader.NativeLibrary;

/**
 * What {@link Runtime} calls in the place of loading a native library, and Netty's native transports in the place of their
 * native methods, once the agent has redirected them. It is in a package that every class loader leaves to the JDK, since
 * Netty may be loaded by any.
 */
public final class BatonTransports {
    // Sockets whose bind was answered with an inherited listener, and what they told as their address then.
    private static final Map<Integer, byte[]> ADOPTED = new ConcurrentHashMap<>();

    private static BiConsumer<Class<?>, String> loading;
    private static BatonListeners listeners;
    static BatonTransportNatives.Sockets sockets;

    private BatonTransports() {}

    /**
     * Names who is asked and told, before anything is redirected here.
     *
     * @param listeners of listeners
     * @param loading gets the class that asks for a native library, and the name of the library or its file, before it is
     *     loaded
     */
    public static void install(BatonListeners listeners, BiConsumer<Class<?>, String> loading) {
        BatonTransports.listeners = listeners;
        BatonTransports.loading = loading;
    }

    static NativeLibrary loadLibrary(Class<?> asking, File file) {
        loading.accept(asking, file.getName());
        return ClassLoader.loadLibrary(asking, file);
    }

    static NativeLibrary loadLibrary(Class<?> asking, String name) {
        loading.accept(asking, name);
        return ClassLoader.loadLibrary(asking, name);
    }

    /**
     * Names what is called where nobody answers. It may be called again for a Netty of another class loader: whose native
     * methods are called makes no difference, they know nothing but the descriptor.
     *
     * @param sockets calls Netty's methods as they were
     */
    public static void install(BatonTransportNatives.Sockets sockets) {
        BatonTransports.sockets = sockets;
    }

    /** In the place of {@code io.netty.channel.unix.Socket.bind}; zero or more for success, else an error, negated. */
    public static int bind(int number, boolean ipv6, byte[] address, int scope, int port)
            throws UnknownHostException {
        if (port == 0
                || !listeners.adopt(number, new InetSocketAddress(InetAddress.getByAddress(address), port))) {
            ADOPTED.remove(number);
            return checked(number, sockets.bind(number, ipv6, address, scope, port));
        }
        ADOPTED.put(number, sockets.localAddress(number));
        return 0;
    }

    /** In the place of {@code io.netty.channel.unix.Socket.bindDomainSocket}; as {@link #bind}. */
    public static int bindDomainSocket(int number, byte[] path) {
        // A path that begins with NUL is an abstract name, which no file stands for.
        if (path.length == 0
                || path[0] == 0
                || !listeners.adopt(number, UnixDomainSocketAddress.of(new String(path, StandardCharsets.UTF_8)))) {
            ADOPTED.remove(number);
            return checked(number, sockets.bindDomainSocket(number, path));
        }
        ADOPTED.put(number, path);
        return 0;
    }

    private static int checked(int number, int result) {
        if (result < 0) {
            listeners.refused(number, "error " + -result);
        }
        return result;
    }

    /** In the place of {@code io.netty.channel.unix.Socket.listen}; zero or more for success, else an error, negated. */
    public static int listen(int number, int backlog) throws IOException {
        if (ADOPTED.containsKey(number)) {
            try {
                listeners.fence(number, backlog);
                return 0;
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }
        int result = sockets.listen(number, backlog);
        if (result >= 0) {
            listeners.listening(number);
        }
        return result;
    }

    /** In the place of {@code io.netty.channel.unix.Socket.localAddress}. */
    public static byte[] localAddress(int number) {
        var known = known(number);
        return known != null ? known : sockets.localAddress(number);
    }

    /** In the place of {@code io.netty.channel.unix.Socket.localDomainSocketAddress}. */
    public static byte[] localDomainSocketAddress(int number) {
        var known = known(number);
        return known != null ? known : sockets.localDomainSocketAddress(number);
    }

    private static byte[] known(int number) {
        var known = ADOPTED.isEmpty() ? null : ADOPTED.get(number);
        if (known != null && !listeners.isAdopted(number)) {
            ADOPTED.remove(number);
            return null;
        }
        return known;
    }
}

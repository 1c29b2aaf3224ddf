package sun.nio.ch;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.FileDescriptor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * What the JDK's listeners call in place of three methods of {@link Net} once the agent has redirected them. It is defined
 * into java.base: there it sees what the JDK keeps to itself, the JDK sees it, and native access needs nobody's leave.
 */
public final class BatonHook {
    // Sockets whose bind was answered with an inherited listener, with its address: the socket itself stands for a private
    // one when the JDK asks.
    private static final Map<FileDescriptor, SocketAddress> ADOPTED =
            Collections.synchronizedMap(new WeakHashMap<>());

    private static volatile boolean anyAdopted;
    private static BatonListeners listeners;

    private BatonHook() {}

    /** Names who is asked and told, before anything is redirected here. */
    public static void install(BatonListeners listeners) {
        BatonHook.listeners = listeners;
    }

    static void bind(FileDescriptor fd, InetAddress address, int port) throws IOException {
        if (!adopted(fd, address, port)) {
            try {
                Net.bind(fd, address, port);
            } catch (IOException e) {
                throw refused(fd, e);
            }
        }
    }

    static void bind(ProtocolFamily family, FileDescriptor fd, InetAddress address, int port) throws IOException {
        if (!adopted(fd, address, port)) {
            try {
                Net.bind(family, fd, address, port);
            } catch (IOException e) {
                throw refused(fd, e);
            }
        }
    }

    static IOException refused(FileDescriptor fd, IOException why) {
        listeners.refused(IOUtil.fdVal(fd), why.getMessage());
        return why;
    }

    private static boolean adopted(FileDescriptor fd, InetAddress address, int port) throws IOException {
        return port != 0 && adopted(fd, new InetSocketAddress(address, port));
    }

    static boolean adopted(FileDescriptor fd, SocketAddress address) throws IOException {
        if (!listeners.adopt(IOUtil.fdVal(fd), address)) {
            return false;
        }
        ADOPTED.put(fd, address instanceof InetSocketAddress ? Net.localAddress(fd) : address);
        anyAdopted = true;
        return true;
    }

    static void listen(FileDescriptor fd, int backlog) throws IOException {
        int number = IOUtil.fdVal(fd);
        if (anyAdopted && ADOPTED.containsKey(fd)) {
            try {
                listeners.fence(number, backlog);
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        } else {
            Net.listen(fd, backlog);
            listeners.listening(number);
        }
    }

    static InetSocketAddress localAddress(FileDescriptor fd) throws IOException {
        return known(fd) instanceof InetSocketAddress known ? known : Net.localAddress(fd);
    }

    /** The address of a socket whose bind was answered with an inherited listener; else null. */
    static SocketAddress known(FileDescriptor fd) {
        return anyAdopted ? ADOPTED.get(fd) : null;
    }

    /** {@return a handle of syscall(2) with errno captured and six longs} */
    @SuppressWarnings("restricted")
    public static MethodHandle syscall() {
        var linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("syscall"),
                FunctionDescriptor.of(
                        JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                Linker.Option.firstVariadicArg(1),
                Linker.Option.captureCallState("errno"));
    }
}

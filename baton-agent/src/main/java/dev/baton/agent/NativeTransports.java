package dev.baton.agent;

import java.lang.instrument.Instrumentation;
import java.util.Map;
import java.util.Set;

/**
 * Puts {@code java.lang.BatonTransports} between Netty's native transports and the system calls by which a listener is
 * opened.
 *
 * <p>Their one class is {@code io.netty.channel.unix.Socket}, under another package where Netty was relocated. It is loaded
 * late and perhaps by several class loaders. A transformer that waits for it would be shown every class the JVM loads. Its
 * native library is loaded right after it and by the same loader, and so the place where the JDK loads libraries is where
 * it is waited for.
 */
final class NativeTransports {
    static final String TRANSPORTS = "java/lang/BatonTransports";
    private static final String LIBRARY = "netty_transport_native_";
    private static final String ASKING = "util.internal.NativeLibraryUtil";
    private static final String SOCKET = "channel.unix.Socket";
    private static final Set<String> NATIVE_METHODS = Set.of(
            "bind(IZ[BII)I",
            "listen(II)I",
            "localAddress(I)[B",
            "bindDomainSocket(I[B)I",
            "localDomainSocketAddress(I)[B");

    private final Instrumentation instrumentation;

    NativeTransports(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /** Has {@link Runtime} tell of libraries. */
    static byte[] redirect(byte[] runtime) {
        return CallSites.redirect(runtime, "java/lang/ClassLoader", Set.of("loadLibrary"), TRANSPORTS);
    }

    /** Called by the application's threads, from within the JDK. */
    void loading(Class<?> asking, String library) {
        if (!library.contains(LIBRARY)) {
            return;
        }
        try {
            redirect(asking);
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            Agent.log().log(
                    System.Logger.Level.WARNING,
                    "a successor cannot take the listeners of {0}: {1}",
                    library,
                    String.valueOf(e.getMessage()));
        }
    }

    private void redirect(Class<?> asking) throws ReflectiveOperationException {
        var name = asking.getName();
        if (!name.endsWith(ASKING)) {
            throw new ReflectiveOperationException("it is loaded by " + name + ", which is no part of Netty");
        }
        var socket = Class.forName(
                name.substring(0, name.length() - ASKING.length()) + SOCKET, false, asking.getClassLoader());
        BatonTransports.install(socket);
        var itself = socket.getName().replace('.', '/');
        Hook.apply(
                instrumentation,
                Map.of(socket, classFile -> CallSites.redirect(classFile, itself, NATIVE_METHODS, TRANSPORTS)));
    }
}

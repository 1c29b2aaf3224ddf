package dev.baton.agent;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

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
    private static final String TRANSPORTS = "java/lang/BatonTransports";
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
    private final Class<?> transports;
    private final Hook.Callbacks callbacks;

    private NativeTransports(Instrumentation instrumentation, Class<?> transports, Hook.Callbacks callbacks) {
        this.instrumentation = instrumentation;
        this.transports = transports;
        this.callbacks = callbacks;
    }

    /** Has {@link Runtime} tell of libraries. */
    static byte[] redirect(byte[] runtime) {
        return CallSites.redirect(runtime, "java/lang/ClassLoader", Set.of("loadLibrary"), TRANSPORTS);
    }

    /**
     * Has native libraries noticed, before they are.
     *
     * @throws ReflectiveOperationException if the JDK is not built as expected
     * @throws java.io.IOException if the jar is damaged
     */
    static void install(Instrumentation instrumentation, Hook.Callbacks callbacks)
            throws ReflectiveOperationException, java.io.IOException {
        var transports = Hook.define(TRANSPORTS, Runtime.class);
        var noticed = new NativeTransports(instrumentation, transports, callbacks);
        var install = transports.getDeclaredMethod("install", BiConsumer.class);
        install.setAccessible(true);
        install.invoke(null, (BiConsumer<Class<?>, String>) noticed::loading);
    }

    /** Called by the application's threads, from within the JDK. */
    private void loading(Class<?> asking, String library) {
        if (!library.contains(LIBRARY)) {
            return;
        }
        try {
            redirect(asking);
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            var cause = e instanceof InvocationTargetException && e.getCause() != null ? e.getCause() : e;
            Agent.log().log(
                    System.Logger.Level.WARNING,
                    "a successor cannot take the listeners of {0}: {1}",
                    library,
                    String.valueOf(cause.getMessage()));
        }
    }

    private void redirect(Class<?> asking) throws ReflectiveOperationException {
        var name = asking.getName();
        if (!name.endsWith(ASKING)) {
            throw new ReflectiveOperationException("it is loaded by " + name + ", which is no part of Netty");
        }
        var socket = Class.forName(
                name.substring(0, name.length() - ASKING.length()) + SOCKET, false, asking.getClassLoader());
        var install = transports.getDeclaredMethod(
                "install",
                Class.class,
                BiPredicate.class,
                BiConsumer.class,
                IntConsumer.class,
                BiConsumer.class,
                IntPredicate.class);
        install.setAccessible(true);
        install.invoke(
                null,
                socket,
                callbacks.adopt(),
                callbacks.fence(),
                callbacks.listening(),
                callbacks.refused(),
                callbacks.isAdopted());
        var itself = socket.getName().replace('.', '/');
        Hook.apply(
                instrumentation,
                Map.of(socket, classFile -> CallSites.redirect(classFile, itself, NATIVE_METHODS, TRANSPORTS)));
    }
}

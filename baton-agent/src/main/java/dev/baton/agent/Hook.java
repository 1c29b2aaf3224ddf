package dev.baton.agent;

import dev.baton.linux.NativeAccess;
import java.io.IOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.net.SocketAddress;
import java.security.ProtectionDomain;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Puts {@code sun.nio.ch.BatonHook} between the JDK's listeners and the three methods by which they are opened.
 *
 * <p>Whatever an application uses, a listener of the JDK is opened by one of three classes, and each calls
 * {@code sun.nio.ch.Net.bind}, {@code listen} and {@code localAddress}. Those calls are redirected; {@code Net} itself, and
 * with it client sockets and datagrams, stay as they are. For listeners that are not the JDK's see {@link NativeTransports}.
 */
final class Hook {
    private static final String PACKAGE = "sun.nio.ch";
    private static final String NET = "sun/nio/ch/Net";
    private static final String HOOK = "sun/nio/ch/BatonHook";
    private static final Set<String> METHODS = Set.of("bind", "listen", "localAddress");
    private static final String UNIX = "sun/nio/ch/UnixDomainSockets";
    private static final String UNIX_HOOK = "sun/nio/ch/BatonUnix";
    private static final Set<String> UNIX_METHODS = Set.of("generateTempName", "bind", "localAddress");
    static final List<String> CALLERS = List.of(
            "sun.nio.ch.ServerSocketChannelImpl",
            "sun.nio.ch.NioSocketImpl",
            "sun.nio.ch.AsynchronousServerSocketChannelImpl");

    private Hook() {}

    /** What the hooks ask and tell; see {@code BatonHook.install}, {@code BatonTransports.install}. */
    record Callbacks(
            BiPredicate<Integer, SocketAddress> adopt,
            BiConsumer<Integer, Integer> fence,
            IntConsumer listening,
            BiConsumer<Integer, String> refused,
            IntPredicate isAdopted) {}

    /**
     * Installs it, and has it lend the native access of java.base.
     *
     * @throws ReflectiveOperationException if the JDK is not built as expected
     * @throws IOException if the jar is damaged
     */
    static void install(Instrumentation instrumentation, Callbacks callbacks)
            throws ReflectiveOperationException, IOException {
        open(instrumentation, PACKAGE, "java.lang");
        var hook = define(HOOK, Class.forName(PACKAGE + ".Net"));
        hook.getMethod("install", BiPredicate.class, BiConsumer.class, IntConsumer.class, BiConsumer.class)
                .invoke(null, callbacks.adopt(), callbacks.fence(), callbacks.listening(), callbacks.refused());
        var syscall = hook.getMethod("syscall");
        NativeAccess.borrow(() -> {
            try {
                return (MethodHandle) syscall.invoke(null);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("cannot reach syscall(2)", e);
            }
        });
        NativeTransports.install(instrumentation, callbacks);
        var changes = new HashMap<Class<?>, UnaryOperator<byte[]>>();
        changes.put(Runtime.class, NativeTransports::redirect);
        define(UNIX_HOOK, Class.forName(CALLERS.getFirst()));
        for (var caller : CALLERS) {
            changes.put(Class.forName(caller), classFile -> redirect(caller, classFile));
        }
        apply(instrumentation, changes);
    }

    /** What the listeners need in one of the classes that open them. A class that is changed anew needs it anew. */
    static byte[] redirect(String caller, byte[] classFile) {
        var redirected = CallSites.redirect(classFile, NET, METHODS, HOOK);
        return caller.equals(CALLERS.getFirst())
                ? CallSites.redirect(redirected, UNIX, UNIX_METHODS, UNIX_HOOK)
                : redirected;
    }

    /** Opens packages of java.base to us alone. */
    static void open(Instrumentation instrumentation, String... packages) {
        var opened = new HashMap<String, Set<Module>>();
        for (var one : packages) {
            opened.put(one, Set.of(Hook.class.getModule()));
        }
        instrumentation.redefineModule(Object.class.getModule(), Set.of(), Map.of(), opened, Set.of(), Map.of());
    }

    /**
     * Defines a class of ours beside one of the JDK's.
     *
     * @param name its name, in internal form
     * @param neighbour a class of the same package
     */
    static Class<?> define(String name, Class<?> neighbour) throws ReflectiveOperationException, IOException {
        try (var in = Hook.class.getClassLoader().getResourceAsStream(name + ".class")) {
            if (in == null) {
                throw new IOException("the jar of the agent has no " + name);
            }
            return MethodHandles.privateLookupIn(neighbour, MethodHandles.lookup())
                    .defineClass(in.readAllBytes());
        }
    }

    /**
     * Changes classes that are loaded.
     *
     * @param changes what makes a new class file of each; it throws an IllegalArgumentException where it cannot
     * @throws ReflectiveOperationException if one makes no such calls; the others are changed
     */
    static void apply(Instrumentation instrumentation, Map<Class<?>, UnaryOperator<byte[]>> changes)
            throws ReflectiveOperationException {
        var redirection = new Redirection(changes);
        instrumentation.addTransformer(redirection, true);
        try {
            instrumentation.retransformClasses(changes.keySet().toArray(new Class<?>[0]));
        } catch (java.lang.instrument.UnmodifiableClassException e) {
            throw new ReflectiveOperationException(e);
        } finally {
            // While a transformer is there, the JVM shows it every class it loads.
            instrumentation.removeTransformer(redirection);
        }
        if (redirection.failure != null) {
            throw new ReflectiveOperationException(
                    "listeners are opened in another way in " + redirection.failure + ", Java " + Runtime.version());
        }
    }

    private static final class Redirection implements ClassFileTransformer {
        private final Map<Class<?>, UnaryOperator<byte[]>> changes;
        private volatile @Nullable String failure;

        Redirection(Map<Class<?>, UnaryOperator<byte[]>> changes) {
            this.changes = changes;
        }

        @Override
        public byte @Nullable [] transform(
                @Nullable ClassLoader loader,
                String className,
                @Nullable Class<?> type,
                @Nullable ProtectionDomain domain,
                byte[] classFile) {
            var change = type == null ? null : changes.get(type);
            if (change == null) {
                return null;
            }
            try {
                return change.apply(classFile);
            } catch (RuntimeException e) {
                failure = className + ": " + e.getMessage();
                return null;
            }
        }
    }
}

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
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import sun.nio.ch.BatonHook;

/**
 * Puts {@code sun.nio.ch.BatonHook} between the JDK's listeners and the three methods by which they are opened.
 *
 * <p>Whatever an application uses, a listener of the JDK is opened by one of three classes, and each calls
 * {@code sun.nio.ch.Net.bind}, {@code listen} and {@code localAddress}. Those calls are redirected; {@code Net} itself, and
 * with it client sockets and datagrams, stay as they are. For listeners that are not the JDK's see {@link NativeTransports}.
 */
final class Hook {
    /*
     * All this stands between the JVM and the application's main. Lambdas and reflection cost some milliseconds each at
     * their first use, so there are none here: the classes that are defined in java.base are called as if they had always
     * been there. Whatever names them in its signatures, or implements them, must not be loaded before they are.
     */
    private static final String PACKAGE = "sun.nio.ch";
    private static final String NET = "sun/nio/ch/Net";
    private static final String HOOK = "sun/nio/ch/BatonHook";
    private static final String LISTENERS = "java/lang/BatonListeners";
    private static final Set<String> METHODS = Set.of("bind", "listen", "localAddress");
    private static final String UNIX = "sun/nio/ch/UnixDomainSockets";
    private static final String UNIX_HOOK = "sun/nio/ch/BatonUnix";
    private static final Set<String> UNIX_METHODS = Set.of("generateTempName", "bind", "localAddress");
    static final List<String> CALLERS = List.of(
            "sun.nio.ch.ServerSocketChannelImpl",
            "sun.nio.ch.NioSocketImpl",
            "sun.nio.ch.AsynchronousServerSocketChannelImpl");

    private Hook() {}

    /**
     * Installs it, and has it lend the native access of java.base.
     *
     * @param agent is asked and told
     * @throws ReflectiveOperationException if the JDK is not built as expected
     * @throws IOException if the jar is damaged
     */
    static void install(Instrumentation instrumentation, Agent agent) throws ReflectiveOperationException, IOException {
        open(instrumentation, PACKAGE, "java.lang");
        define(LISTENERS, Object.class);
        define(HOOK, type(PACKAGE + ".Net"));
        define(UNIX_HOOK, type(CALLERS.getFirst()));
        define(NativeTransports.TRANSPORTS, Object.class);
        Callbacks.install(agent, agent.transports());
        var changes = new HashMap<Class<?>, UnaryOperator<byte[]>>();
        changes.put(Runtime.class, new Redirected("java.lang.Runtime"));
        for (var caller : CALLERS) {
            changes.put(type(caller), new Redirected(caller));
        }
        apply(instrumentation, changes);
    }

    /** A class of java.base, not initialized. */
    static Class<?> type(String name) throws ClassNotFoundException {
        return Class.forName(name, false, null);
    }

    /** The agent, as java.base knows it. */
    private record Callbacks(Agent agent) implements BatonListeners {
        static void install(Agent agent, NativeTransports transports) {
            var callbacks = new Callbacks(agent);
            BatonHook.install(callbacks);
            BatonTransports.install(callbacks, new BiConsumer<>() {
                @Override
                public void accept(Class<?> asking, String library) {
                    transports.loading(asking, library);
                }
            });
            NativeAccess.borrow(new Supplier<>() {
                @Override
                public MethodHandle get() {
                    return BatonHook.syscall();
                }
            });
        }

        @Override
        public boolean adopt(int number, SocketAddress address) {
            return agent.adopt(number, address);
        }

        @Override
        public void fence(int number, int backlog) {
            agent.fence(number, backlog);
        }

        @Override
        public void listening(int number) {
            agent.listening(number);
        }

        @Override
        public void refused(int number, String why) {
            agent.refused(number, why);
        }

        @Override
        public boolean isAdopted(int number) {
            return agent.isAdopted(number);
        }
    }

    private record Redirected(String caller) implements UnaryOperator<byte[]> {
        @Override
        public byte[] apply(byte[] classFile) {
            return caller.equals("java.lang.Runtime")
                    ? NativeTransports.redirect(classFile)
                    : redirect(caller, classFile);
        }
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
        instrumentation.redefineModule(Object.class.getModule(), Set.of(), opened, opened, Set.of(), Map.of());
    }

    /**
     * Defines a class of ours beside one of the JDK's.
     *
     * @param name its name, in internal form
     * @param neighbour a class of the same package
     */
    static void define(String name, Class<?> neighbour) throws ReflectiveOperationException, IOException {
        var _ = MethodHandles.privateLookupIn(neighbour, MethodHandles.lookup()).defineClass(classFile(name));
    }

    /** The class file of a class of ours. */
    static byte[] classFile(String name) throws IOException {
        try (var in = Hook.class.getClassLoader().getResourceAsStream(name + ".class")) {
            if (in == null) {
                throw new IOException("the jar of the agent has no " + name);
            }
            return in.readAllBytes();
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
                    "the system is called in another way in " + redirection.failure + ", Java " + Runtime.version());
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

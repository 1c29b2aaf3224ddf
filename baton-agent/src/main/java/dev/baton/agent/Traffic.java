package dev.baton.agent;

import dev.baton.linux.Epoll;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What goes over the connections an application has accepted, and a gate in front of each: {@code sun.nio.ch.BatonTraffic},
 * put between the JDK's sockets and their native methods, and spoken to from here.
 *
 * <p>Every call by which the JDK touches a socket's descriptor is redirected: those of the two classes that own native
 * methods, and those that others make to {@code Net}, {@code IOUtil} and {@code EPoll}. Asynchronous
 * channels are left out: few use them, and each class costs every start. What does not go through the JDK's sockets (native
 * transports) and what the JDK moves otherwise (sendfile) is not seen; the kernel's counters tell.
 */
final class Traffic {
    private static final String PACKAGE = "sun.nio.ch";
    private static final String TRAFFIC = "sun/nio/ch/BatonTraffic";
    private static final String NATIVES = "sun/nio/ch/BatonNatives";
    private static final String SOCKETS = "sun/nio/ch/SocketDispatcher";
    private static final String DISPATCHER = "sun/nio/ch/UnixDispatcher";
    private static final List<String> CLASSES = List.of(
            "sun/nio/ch/BatonFraming",
            "sun/nio/ch/BatonConversation",
            NATIVES,
            NATIVES + "$Transfer",
            NATIVES + "$Closing");
    private static final Set<String> TRANSFER = Set.of("read0", "readv0", "write0", "writev0");
    private static final Set<String> CLOSING = Set.of("close0", "preClose0");
    private static final Redirect NET = new Redirect("sun/nio/ch/Net", Set.of("accept", "poll", "shutdown"), TRAFFIC);
    private static final Redirect BLOCKING = new Redirect("sun/nio/ch/IOUtil", Set.of("configureBlocking"), TRAFFIC);
    private static final Redirect EPOLL = new Redirect("sun/nio/ch/EPoll", Set.of("ctl"), TRAFFIC);

    private static final Map<String, List<Redirect>> REDIRECTS = Map.ofEntries(
            Map.entry("SocketDispatcher", List.of(new Redirect(SOCKETS, TRANSFER, TRAFFIC))),
            Map.entry("UnixDispatcher", List.of(new Redirect(DISPATCHER, CLOSING, TRAFFIC))),
            Map.entry("ServerSocketChannelImpl", List.of(NET)),
            Map.entry("NioSocketImpl", List.of(NET, BLOCKING)),
            Map.entry("SocketChannelImpl", List.of(NET, BLOCKING)),
            Map.entry("SelChImpl", List.of(NET)),
            Map.entry("EPollSelectorImpl", List.of(EPOLL)),
            Map.entry("EPollPoller", List.of(EPOLL)));

    private final Map<String, Method> calls = new HashMap<>();

    private record Redirect(String from, Set<String> methods, String to) {}

    private Traffic(Class<?> traffic) {
        for (var method : traffic.getMethods()) {
            calls.put(method.getName(), method);
        }
    }

    /**
     * Puts it in place, after {@link Hook}.
     *
     * @param arrival see {@code BatonTraffic.install}
     * @throws ReflectiveOperationException if the JDK is not built as expected; nothing is to be watched then
     * @throws IOException if the jar is damaged
     */
    static Traffic install(
            Instrumentation instrumentation, BiFunction<InetSocketAddress, Integer, long @Nullable []> arrival)
            throws ReflectiveOperationException, IOException {
        var neighbour = Class.forName(PACKAGE + ".Net");
        for (var name : CLASSES) {
            Hook.define(name, neighbour);
        }
        var traffic = Hook.define(TRAFFIC, neighbour);
        var transfer = CallSites.redirect(classFile("sun/nio/ch/BatonTransfer"), NATIVES, TRANSFER, SOCKETS);
        var closing = CallSites.redirect(classFile("sun/nio/ch/BatonClosing"), NATIVES, CLOSING, DISPATCHER);
        traffic.getMethod("install", byte[].class, byte[].class, BiFunction.class)
                .invoke(null, transfer, closing, arrival);
        redirect(instrumentation);
        return new Traffic(traffic);
    }

    private static byte[] classFile(String name) throws IOException {
        try (var in = Traffic.class.getClassLoader().getResourceAsStream(name + ".class")) {
            if (in == null) {
                throw new IOException("the jar of the agent has no " + name);
            }
            return in.readAllBytes();
        }
    }

    private static void redirect(Instrumentation instrumentation) throws ReflectiveOperationException {
        var changes = new HashMap<Class<?>, UnaryOperator<byte[]>>();
        for (var one : REDIRECTS.entrySet()) {
            var name = PACKAGE + "." + one.getKey();
            changes.put(Class.forName(name), classFile -> {
                var changed = Hook.CALLERS.contains(name) ? Hook.redirect(name, classFile) : classFile;
                for (var redirect : one.getValue()) {
                    changed = CallSites.redirect(changed, redirect.from(), redirect.methods(), redirect.to());
                }
                return changed;
            });
        }
        Hook.apply(instrumentation, changes);
    }

    // ---- spoken to; see there for what each means

    void watch(int listener) {
        var _ = call("watch", listener);
    }

    void expect(boolean are) {
        var _ = call("expect", are);
    }

    int[] resting() {
        return (int[]) returned(call("resting"));
    }

    long id(int number) {
        return (long) returned(call("id", number));
    }

    int listener(int number) {
        return (int) returned(call("listener", number));
    }

    int reason(int number) {
        return (int) returned(call("reason", number));
    }

    boolean isMovable(int number) {
        return (boolean) returned(call("isMovable", number));
    }

    long hold(int number) {
        return (long) returned(call("hold", number));
    }

    boolean isUsed(int number) {
        return (boolean) returned(call("isUsed", number));
    }

    boolean isResting(int number, boolean isAwaited) {
        return (boolean) returned(call("isResting", number, isAwaited));
    }

    Tcp.Progress progress(int number) {
        var counts = (long[]) returned(call("counts", number));
        return new Tcp.Progress(counts[0], counts[1]);
    }

    List<Epoll.Registration> registrations(int number) {
        var found = new ArrayList<Epoll.Registration>();
        for (long one : (long[]) returned(call("registrations", number))) {
            found.add(new Epoll.Registration((int) (one >>> 32), number, 0, (int) one, number));
        }
        return found;
    }

    void substitute(int number, boolean is) {
        var _ = call("substitute", number, is);
    }

    void keep(int number) {
        var _ = call("keep", number);
    }

    void release(int number) {
        var _ = call("release", number);
    }

    private static Object returned(@Nullable Object result) {
        return Objects.requireNonNull(result);
    }

    private @Nullable Object call(String method, Object... arguments) {
        try {
            return Objects.requireNonNull(calls.get(method)).invoke(null, arguments);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new LinkageError("cannot call BatonTraffic." + method, e);
        }
    }
}

package dev.baton.agent;

import dev.baton.linux.Epoll;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import sun.nio.ch.BatonFraming;
import sun.nio.ch.BatonTraffic;

/**
 * What goes over the connections an application has accepted, and a gate in front of each: {@code sun.nio.ch.BatonTraffic},
 * put between the JDK's sockets and their native methods, and spoken to from here.
 *
 * <p>Every call by which the JDK touches a socket's descriptor is redirected: those of the two classes that own native
 * methods, and those that others make to {@code Net}, {@code IOUtil} and {@code EPoll}. Asynchronous
 * channels are left out: few use them, and each class costs every start. Netty's epoll transport is followed in the same way,
 * by {@link NativeTransports}. What goes neither way (other native code) and what is moved otherwise (sendfile) is not seen;
 * the kernel's counters tell.
 */
final class Traffic {
    private static final String PACKAGE = "sun.nio.ch";
    private static final String TRAFFIC = "sun/nio/ch/BatonTraffic";
    private static final String NATIVES = "sun/nio/ch/BatonNatives";
    private static final String SOCKETS = "sun/nio/ch/SocketDispatcher";
    private static final String DISPATCHER = "sun/nio/ch/UnixDispatcher";
    private static final List<String> CLASSES = List.of(
            "sun/nio/ch/BatonFollower",
            "sun/nio/ch/BatonFraming",
            "sun/nio/ch/BatonFrames",
            "sun/nio/ch/BatonConversation",
            NATIVES,
            NATIVES + "$Transfer",
            NATIVES + "$Closing",
            TRAFFIC);
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

    private record Redirect(String from, Set<String> methods, String to) {}

    private final Plaintext plaintext;

    private Traffic(Plaintext plaintext) {
        this.plaintext = plaintext;
    }

    /**
     * Puts it in place, after {@link Hook}.
     *
     * @param arrival see {@code BatonTraffic.install}
     * @param plaintext what goes below TLS, to be followed when the first connection begins with it
     * @throws ReflectiveOperationException if the JDK is not built as expected; nothing is to be watched then
     * @throws IOException if the jar is damaged
     */
    static Traffic install(
            Instrumentation instrumentation,
            BiFunction<InetSocketAddress, Integer, long @Nullable []> arrival,
            Plaintext plaintext)
            throws ReflectiveOperationException, IOException {
        var neighbour = Hook.type(PACKAGE + ".Net");
        for (var name : CLASSES) {
            Hook.define(name, neighbour);
        }
        BatonTraffic.install(
                CallSites.redirect(Hook.classFile("sun/nio/ch/BatonTransfer"), NATIVES, TRANSFER, SOCKETS),
                CallSites.redirect(Hook.classFile("sun/nio/ch/BatonClosing"), NATIVES, CLOSING, DISPATCHER),
                arrival,
                plaintext);
        redirect(instrumentation);
        return new Traffic(plaintext);
    }

    private static void redirect(Instrumentation instrumentation) throws ReflectiveOperationException {
        var changes = new HashMap<Class<?>, UnaryOperator<byte[]>>();
        for (var one : REDIRECTS.entrySet()) {
            var name = PACKAGE + "." + one.getKey();
            changes.put(Hook.type(name), classFile -> {
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
        BatonTraffic.watch(listener);
    }

    boolean isWatched(int listener) {
        return BatonTraffic.isWatched(listener);
    }

    void expect(boolean are) {
        BatonTraffic.expect(are);
    }

    int[] resting() {
        return BatonTraffic.resting();
    }

    /** A drain begins, in which connections are offered to a successor. */
    void beginDrain() {
        BatonTraffic.beginDrain();
    }

    /** Notes that nobody takes this connection in this drain. */
    void leave(int number) {
        BatonTraffic.leave(number);
    }

    /** {@return whether nobody takes this connection in this drain} */
    boolean isLeft(int number) {
        return BatonTraffic.isLeft(number);
    }

    /** Lets connections also be moved just before a message is read from them; costs each message a moment. */
    void moveAtReads(boolean whether) {
        BatonTraffic.moveAtReads(whether);
    }

    long id(int number) {
        return BatonTraffic.id(number);
    }

    int listener(int number) {
        return BatonTraffic.listener(number);
    }

    /** {@return why a connection cannot be moved, in words for an operator, if {@link #isMovable} says so} */
    String obstacle(int number) {
        return switch (BatonTraffic.reason(number)) {
            case BatonFraming.FOLLOWED -> "used in a way that is not followed";
            case BatonFraming.TLS -> "TLS";
            case BatonFraming.HTTP_2 -> "HTTP/2";
            case BatonFraming.HTTP_1_0 -> "HTTP/1.0";
            case BatonFraming.UPGRADED -> "upgraded to another protocol";
            case BatonFraming.CLOSING -> "its close is announced";
            case BatonFraming.ENDLESS -> "a response that ends with the connection";
            case BatonFraming.AUTHENTICATED -> "authenticated as a connection";
            case BatonFraming.TOO_DEEP -> "too many requests in its pipeline";
            case BatonFraming.NOT_UNDERSTOOD, BatonFraming.UNASKED -> "not understood as HTTP/1.1";
            default -> "not followed from its beginning";
        };
    }

    boolean isMovable(int number) {
        return BatonTraffic.isMovable(number);
    }

    long hold(int number) {
        return BatonTraffic.hold(number);
    }

    boolean isUsed(int number) {
        return BatonTraffic.isUsed(number);
    }

    boolean isResting(int number, boolean isAwaited) {
        return BatonTraffic.isResting(number, isAwaited);
    }

    Tcp.Progress progress(int number) {
        var counts = BatonTraffic.counts(number);
        return new Tcp.Progress(counts[0], counts[1]);
    }

    List<Epoll.Registration> registrations(int number) {
        var found = new ArrayList<Epoll.Registration>();
        for (long one : BatonTraffic.registrations(number)) {
            found.add(new Epoll.Registration((int) (one >>> 32), number, 0, (int) one, number));
        }
        return found;
    }

    void substitute(int number, boolean is) {
        BatonTraffic.substitute(number, is);
    }

    void keep(int number) {
        BatonTraffic.keep(number);
    }

    /** {@return whether what was followed is HTTP/1.1, or may be below TLS, or nothing is known} */
    boolean mayBeHttp1(int number) {
        return switch (BatonTraffic.reason(number)) {
            case BatonFraming.FOLLOWED, BatonFraming.TLS, BatonFraming.AUTHENTICATED, BatonFraming.TOO_DEEP, -1 -> true;
            default -> false;
        };
    }

    /** {@return whether it carries TLS below which the close can be announced} */
    boolean isFollowedBelowTls(int number) {
        return plaintext.isFollowed() && BatonTraffic.reason(number) == BatonFraming.TLS;
    }

    /** Has the close of whatever carries TLS announced as soon as the application says something there, or no more. */
    void announceBelowTls(boolean whether) {
        plaintext.announce(whether);
    }

    boolean hasFarewell(int number) {
        return BatonTraffic.hasFarewell(number);
    }

    boolean needsRestForFarewell(int number) {
        return BatonTraffic.needsRestForFarewell(number);
    }

    byte @Nullable [] farewell(int number) {
        return BatonTraffic.farewell(number);
    }

    void saidFarewell(int number, int bytes) {
        BatonTraffic.saidFarewell(number, bytes);
    }

    void release(int number) {
        BatonTraffic.release(number);
    }
}

package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.LiveConnection;
import dev.baton.Passage;
import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Descriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.Epoll;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.SocketPair;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Gives the live connections of an application that knows nothing of it to the successor. For use by one thread at a time.
 */
final class Relocation {
    /*
     * A connection goes when it stands between two messages and the application waits for the next. Then its descriptor is
     * made to stand for one end of a private pair of sockets. What the client has sent by then and the application has not
     * read, and all that comes later, stays in the kernel and goes with the connection. When the successor has it, the other
     * end of the pair is closed, and the application sees an orderly end and cleans up by itself.
     *
     * Why nothing is guessed and no byte is lost, whenever the application's threads run:
     *
     *   Between two messages  Traffic sees each byte that is read and written and follows the protocol. That it has seen all
     *              of them is checked against the kernel's counters of the connection itself; where bytes went another way
     *              (sendfile, native code, a connection older than the agent) the connection stays.
     *   Looking and acting are one step  The gate of the connection is closed before it is looked at and opened after the
     *              swap. No thread of the application can read, write, register, or close meanwhile: who comes waits, who
     *              is inside is waited for, who sleeps inside (a thread in a blocking read) is woken and then waits. So what
     *              was seen still holds when it is acted upon.
     *   Told "readable" before  A thread that an event loop has told so and that reads after the swap finds nothing, which
     *              every server must expect of a non-blocking read, or waits. The bytes it was told of are still in the
     *              connection.
     *   The number  can only become another file's by being closed, which the gate keeps waiting.
     *   epoll      A registration belongs to the connection (epoll(7), "Questions and answers", 6): each is removed and made
     *              anew for the pair, under the gate as well. Which there are is known from the calls that made them.
     *   Never at rest  A client that asks again at once, and a server that is at its request at once, leave no moment to look
     *              at. After a while such a connection goes when the application is about to read the first bytes of a
     *              request: it lingers before that read.
     *   Back       If the successor does not take it, the connection is put back in the same way. What the application has
     *              written to the pair meanwhile (nothing, but for a time-out that announces itself) is written then, and
     *              if it has closed the pair, the connection is closed.
     */
    private static final int MOST_UNDER_WAY = 200;
    private static final Duration WOKEN = Duration.ofMillis(200);
    private static final Duration RETURNED = Duration.ofSeconds(2);

    /** What the successor's servers of any kind know it by. */
    static final String PROTOCOL = "http/1.1";

    /** The application's own idle time-out is not known; its successor's begins anew. */
    private static final Duration IDLE_LEFT = Duration.ofSeconds(60);

    private final Traffic traffic;
    private final Gate gate;
    private final Passage passage;
    private final IntFunction<@Nullable String> names;
    private final long began = System.nanoTime();
    private final List<Move> underWay = new ArrayList<>();
    private final ConcurrentLinkedQueue<Settled> settled = new ConcurrentLinkedQueue<>();
    private final Set<String> gone = new HashSet<>();
    private int toPace = -1;
    private int paced;
    private int moved;
    private boolean isBroken;

    /**
     * A connection on its way.
     *
     * @param number the application's descriptor
     * @param id the application's connection
     * @param socket the kernel's name for the connection
     * @param connection the connection
     * @param pair our end of what the application has in its place
     */
    private record Move(int number, long id, String socket, OwnedDescriptor connection, OwnedDescriptor pair) {}

    private record Settled(Move move, boolean isGone) {}

    /**
     * Begins.
     *
     * @param passage the way to the successor
     * @param names a listener's name, by the number of its descriptor; null if no successor can know it
     */
    Relocation(Traffic traffic, Passage passage, IntFunction<@Nullable String> names) {
        this.traffic = traffic;
        this.gate = new Gate(traffic);
        this.passage = passage;
        this.names = names;
        traffic.beginDrain();
    }

    /** {@return how many connections have gone} */
    int moved() {
        return moved;
    }

    /** {@return the kernel's names of the connections that have gone or are on their way} */
    Set<String> away() {
        return gone;
    }

    /** {@return whether connections are on their way that may come back} */
    boolean isUnderWay() {
        return !underWay.isEmpty();
    }

    /** {@return whether this connection is expected to go, when it comes to rest} */
    boolean awaits(int number) {
        return isGoingOn()
                && traffic.isMovable(number)
                && names.apply(traffic.listener(number)) != null
                && !traffic.isLeft(number);
    }

    /** Does not move this connection, whatever comes: its end was shown. */
    void leave(int number) {
        traffic.keep(number);
    }

    /** {@return whether this connection waits for its next request} */
    boolean rests(int number) {
        return traffic.isResting(number, false);
    }

    /** {@return why a connection that is not awaited stays, in words for an operator} */
    String obstacle(int number) {
        if (!isGoingOn()) {
            return "the successor takes no more";
        }
        return traffic.isMovable(number) ? "not taken by the successor" : traffic.obstacle(number);
    }

    private boolean isGoingOn() {
        return passage.isOpen() && !isBroken;
    }

    /**
     * Whether connections also go just before a message is read, which costs each message that stays a moment. Not before the
     * pace is over, and not when the successor takes no more.
     *
     * @return whether they do
     */
    boolean moveAtReads(boolean whether) {
        var does = whether
                && isGoingOn()
                && System.nanoTime() - began >= passage.pace().toNanos();
        traffic.moveAtReads(does);
        return does;
    }

    /** Gives away what rests now, as many as the pace allows, and takes back what was not taken. */
    void sweep() {
        for (var next = settled.poll(); next != null; next = settled.poll()) {
            underWay.remove(next.move());
            settle(next);
        }
        if (!isGoingOn() || underWay.size() >= MOST_UNDER_WAY) {
            return;
        }
        var resting = new ArrayList<Integer>();
        for (int number : traffic.resting()) {
            if (awaits(number)) {
                resting.add(number);
            }
        }
        if (toPace < 0) {
            toPace = resting.size();
        }
        var most = Math.min(allowed(), MOST_UNDER_WAY - underWay.size());
        give(resting.subList(0, Math.clamp(most, 0, resting.size())));
    }

    /** How many may go now for all to be spread evenly. */
    private int allowed() {
        var pace = passage.pace();
        if (pace.isZero()) {
            return Integer.MAX_VALUE;
        }
        var share = Math.min(1, (System.nanoTime() - began) / (double) pace.toNanos());
        return share == 1 ? Integer.MAX_VALUE : (int) Math.ceil(share * toPace) - paced;
    }

    private void give(List<Integer> numbers) {
        var ready = new ArrayList<Move>();
        try {
            gate.withNobodyInside(numbers, WOKEN, (number, id, wasWoken) -> {
                var move = take(number, id, wasWoken);
                if (move != null) {
                    ready.add(move);
                }
            });
        } catch (IOException e) {
            isBroken = true;
            LOG.log(
                    System.Logger.Level.WARNING,
                    "live connections cannot be moved any more, the rest is drained: {0}",
                    e.getMessage());
        } finally {
            for (var move : ready) {
                paced++;
                underWay.add(move);
                gone.add(move.socket());
                passage.give(
                        new LiveConnection(
                                String.valueOf(names.apply(traffic.listener(move.number()))),
                                PROTOCOL,
                                IDLE_LEFT,
                                new byte[0],
                                new byte[0],
                                move.connection().number()),
                        isGone -> settled.add(new Settled(move, isGone)));
            }
        }
    }

    // ---- what is done while the gate is closed

    private @Nullable Move take(int number, long id, boolean wasWoken) throws IOException {
        if (traffic.id(number) != id || !traffic.isResting(number, wasWoken)) {
            return null;
        }
        var connection = new BorrowedDescriptor(number).duplicate();
        SocketPair pair = null;
        try {
            if (isAllSeen(number, connection)) {
                pair = SocketPair.open();
                if (!Descriptors.isNonBlocking(connection)) {
                    Descriptors.makeBlocking(pair.there());
                }
                swap(number, pair.there());
                traffic.substitute(number, true);
                pair.there().close();
                return new Move(number, id, Descriptors.name(connection.number()), connection, pair.here());
            }
        } catch (IOException | RuntimeException e) {
            if (pair != null) {
                pair.close();
            }
            connection.close();
            throw e;
        }
        connection.close();
        return null;
    }

    /** Whether the kernel counts as many bytes as were seen. */
    private boolean isAllSeen(int number, Descriptor connection) {
        if (gate.isAllSeen(number, connection)) {
            return true;
        }
        traffic.keep(number);
        return false;
    }

    private void swap(int number, Descriptor to) throws IOException {
        var removed = new ArrayList<Epoll.Registration>();
        for (var registration : traffic.registrations(number)) {
            if (registration.remove()) {
                removed.add(registration);
            }
        }
        try {
            Descriptors.duplicateOnto(to, number);
        } finally {
            for (var registration : removed) {
                var _ = registration.add();
            }
        }
    }

    // ---- what became of it

    private void settle(Settled one) {
        var move = one.move();
        if (one.isGone()) {
            moved++;
            move.pair().close();
            move.connection().close();
            return;
        }
        gone.remove(move.socket());
        if (traffic.id(move.number()) == move.id()) {
            traffic.leave(move.number());
        }
        var isBack = new AtomicBoolean();
        try {
            gate.withNobodyInside(List.of(move.number()), RETURNED, (number, id, wasWoken) -> {
                if (id == move.id()) {
                    putBack(move);
                    isBack.set(true);
                }
            });
            if (!isBack.get()) {
                // The application was faster and has closed its descriptor; what it said before goes out before the
                // end.
                SocketPair.pass(SocketPair.drain(move.pair()), move.connection());
            }
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "a live connection the successor did not take could not be put back and is closed: {0}",
                    e.getMessage());
        } finally {
            move.pair().close();
            move.connection().close();
        }
    }

    private void putBack(Move move) throws IOException {
        var substitute = new BorrowedDescriptor(move.number());
        if (Descriptors.isNonBlocking(substitute)) {
            Descriptors.makeNonBlocking(move.connection());
        } else {
            Descriptors.makeBlocking(move.connection());
        }
        // Before the application can write more, and before the pair ends by the swap.
        SocketPair.pass(SocketPair.drain(move.pair()), move.connection());
        swap(move.number(), move.connection());
        traffic.substitute(move.number(), false);
    }
}

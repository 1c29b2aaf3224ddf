package dev.baton.netty;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Open;
import dev.baton.Passage;
import io.netty.channel.Channel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Every accepted connection, from the accept to the close, and every exchange under way. Safe for use by any thread. */
final class Connections {
    private static final int CUT_LIMIT_S = 5;
    private static final Duration GRACE = Duration.ofSeconds(3);

    /** What has not gone to the successor so long before the deadline is told to close, lest it be cut. */
    private static final Duration LAST_CALL = Duration.ofSeconds(2);

    private final Map<Channel, Connection> open = new ConcurrentHashMap<>();
    private final Map<Object, Long> begunNanos = new ConcurrentHashMap<>();
    private volatile CompletableFuture<Void> over = new CompletableFuture<>();
    private volatile boolean draining;
    private volatile boolean calledOff;
    private volatile @Nullable Passage passage;
    private volatile Deadline limit = Deadline.after(Duration.ZERO);
    private volatile long lostNanos;
    private final AtomicInteger moved = new AtomicInteger();

    /** Called by the event loop that accepts, so that none is on its way unknown when accepting has stopped. */
    void accepted(Connection connection) {
        var channel = connection.channel();
        open.put(channel, connection);
        channel.closeFuture().addListener(_ -> closed(channel));
    }

    /** The protocol of a connection has been agreed on. */
    void became(Connection connection) {
        open.replace(connection.channel(), connection);
    }

    void closed(Channel channel) {
        open.remove(channel);
        if (draining && open.isEmpty()) {
            over.complete(null);
        }
    }

    Collection<Connection> all() {
        return open.values();
    }

    /** An exchange has begun, or a conversation that was taken over goes on. */
    void begun(Object exchange) {
        begunNanos.put(exchange, System.nanoTime());
    }

    void ended(Object exchange) {
        begunNanos.remove(exchange);
    }

    boolean isDraining() {
        return draining;
    }

    /** The way to the successor, while connections can go there. */
    @Nullable
    Passage passage() {
        var way = passage;
        return way != null && way.isOpen() ? way : null;
    }

    /**
     * Whether connections must end here: there is no way to the successor, or no time. A way that has just been lost is most
     * often lost by the successor's death, which calls the drain off; so no close is announced for a moment.
     */
    boolean mustEnd() {
        var way = passage;
        if (!draining) {
            return false;
        }
        if (way == null || limit.remaining().compareTo(LAST_CALL) < 0) {
            return true;
        }
        if (way.isOpen()) {
            return false;
        }
        var now = System.nanoTime();
        if (lostNanos == 0) {
            lostNanos = now;
        }
        return now - lostNanos > GRACE.toNanos();
    }

    /** One is the successor's now; its channel here is closed next, without a word to the client. */
    void moved() {
        moved.incrementAndGet();
    }

    Open open() {
        var now = System.nanoTime();
        var requests = 0;
        var oldestNanos = 0L;
        for (var begin : begunNanos.values()) {
            requests++;
            oldestNanos = Math.max(oldestNanos, now - begin);
        }
        return new Open(open.size(), requests, Duration.ofNanos(oldestNanos));
    }

    /**
     * Waits until all are closed, and cuts what is left at the deadline.
     *
     * <p>Setting the flag is what drains HTTP/1.x: a head written later says {@code Connection: close}, one written
     * before says nothing and leaves an idle connection, whose next answer says it. With a passage they say nothing and go.
     *
     * @return what finished and what was cut, or empty when the drain was called off
     */
    Optional<Drained> drain(Deadline deadline, @Nullable Passage way) throws InterruptedException {
        calledOff = false;
        moved.set(0);
        lostNanos = 0;
        limit = deadline;
        passage = way;
        over = new CompletableFuture<>();
        draining = true;
        var begun = open.size();
        var step = way == null || begun == 0
                ? 0
                : Math.min(way.pace().toNanos(), deadline.remaining().toNanos() / 2) / begun;
        var place = 0L;
        for (var connection : all()) {
            connection.channel().eventLoop().schedule(connection::drain, place++ * step, TimeUnit.NANOSECONDS);
        }
        if (open.isEmpty()) {
            over.complete(null);
        }
        var end = over;
        deadline.onPassed(() -> end.complete(null));
        try {
            end.get();
        } catch (ExecutionException e) {
            throw new AssertionError("only ever completed with null", e);
        }
        return calledOff ? Optional.empty() : Optional.of(cut(begun));
    }

    /** Ends a drain that runs, with nothing cut: answers no longer announce a close. What was told already stays told. */
    void callOffDrain() {
        if (draining) {
            calledOff = true;
            draining = false;
            passage = null;
            over.complete(null);
        }
    }

    private Drained cut(int begun) throws InterruptedException {
        var results = new ArrayList<CompletableFuture<Drained>>();
        for (var connection : all()) {
            results.add(CompletableFuture.supplyAsync(
                    connection::cut, connection.channel().eventLoop()));
        }
        var sum = Drained.NOTHING;
        for (var result : results) {
            try {
                sum = sum.plus(result.get(CUT_LIMIT_S, TimeUnit.SECONDS));
            } catch (ExecutionException | TimeoutException _) {
                sum = sum.plus(new Drained(0, 0, 1));
            }
        }
        var went = moved.get();
        return sum.plus(new Drained(begun - results.size() - went, 0, 0, went));
    }
}

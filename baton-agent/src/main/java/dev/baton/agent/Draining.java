package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.Deadline;
import dev.baton.Drained;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The drain of an application that knows nothing of it: gives away what can go, as soon as it rests. Of the rest it shows
 * the application the end of each connection at an instant when nothing is in progress on it, so that it closes them one by
 * one. That is what its own stop would do as well, but at an instant that suits no client.
 */
final class Draining {
    /*
     * Between two parts of an answer a connection looks as it does between two requests, so the longer nothing happens the
     * better. But a client that asks again at once never leaves a long pause, and at the deadline it is cut in the middle of
     * a request for certain. So the pause that is asked for gets shorter with time. Looking at all that is open takes long
     * where much is; what is left is looked at in between, lest a short pause go by unseen.
     */
    private static final Duration QUIET = Duration.ofMillis(100);

    /** For so long a pause of {@link #QUIET} is waited for, */
    private static final Duration POLITE = Duration.ofSeconds(2);

    /** then for half of what is left of the time one of this, and then for any. */
    private static final Duration SHORT = Duration.ofMillis(20);

    /** What the application gets to close a connection whose end it was shown. */
    private static final Duration CLOSING = Duration.ofSeconds(3);

    /** How long a response that was begun and is not finished may pause before it is taken for one that has no end. */
    private static final Duration PAUSING = Duration.ofSeconds(2);

    /** Between two looks passes so many times the time that looking took, */
    private static final int LOOKING_SHARE = 4;

    /** but not more than this. */
    private static final Duration LOOKING_GAP = Duration.ofMillis(200);

    private static final long LOOK_EVERY_MS = 10;
    private static final long LOOK_SOON_MS = 1;

    private final Set<Integer> ports;
    private final Deadline deadline;
    private final @Nullable Relocation relocation;
    private final Notice notice;
    private final CountDownLatch over = new CountDownLatch(1);
    private final Deadline polite = Deadline.after(POLITE);
    private final Deadline patient;
    private final Set<String> ended = new HashSet<>();
    private final Set<String> seen = new HashSet<>();
    private final Map<String, String> obstacles = new HashMap<>();
    private final Pace all = new Pace();
    private final Pace some = new Pace();
    private Deadline closing = Deadline.after(Duration.ZERO);
    private List<Connections.One> open = List.of();
    private List<Connections.One> left = List.of();
    private volatile boolean isCalledOff;

    /** How often something is looked at that takes its time. */
    private static final class Pace {
        private long next = System.nanoTime();
        private long began;

        boolean begin() {
            began = System.nanoTime();
            return began >= next;
        }

        void end() {
            var now = System.nanoTime();
            next = now + Math.min(LOOKING_SHARE * (now - began), LOOKING_GAP.toNanos());
        }
    }

    /**
     * Made when it begins.
     *
     * @param ports on which the application listens
     * @param deadline when it is over at the latest
     * @param relocation the way to the successor, if live connections can go there
     * @param notice tells clients of connections that stay
     */
    Draining(Set<Integer> ports, Deadline deadline, @Nullable Relocation relocation, Notice notice) {
        this.ports = ports;
        this.deadline = deadline;
        this.relocation = relocation;
        this.notice = notice;
        this.patient =
                Deadline.after(POLITE.plus(deadline.remaining().minus(POLITE).dividedBy(2)));
    }

    /** Ends it, whatever is left. For any thread. */
    void callOff() {
        isCalledOff = true;
        over.countDown();
    }

    /**
     * Drains.
     *
     * @return what became of the connections; empty if it was called off
     * @throws IOException if {@code /proc} cannot be read
     */
    Optional<Drained> run() throws IOException, InterruptedException {
        try {
            return untilOver();
        } finally {
            if (relocation != null) {
                var _ = relocation.moveAtReads(false);
            }
        }
    }

    private Optional<Drained> untilOver() throws IOException, InterruptedException {
        deadline.onPassed(over::countDown);
        notice.giveBelowTls();
        while (true) {
            var isWaitedFor = false;
            if (relocation != null) {
                isWaitedFor = relocation.moveAtReads(polite.isPassed() && !isCalledOff);
                relocation.sweep();
            }
            if (all.begin() || deadline.isPassed()) {
                look();
                all.end();
                if (!isCalledOff && (deadline.isPassed() || isOver())) {
                    return Optional.of(result());
                }
            } else if (some.begin()) {
                lookAtWhatIsLeft();
                some.end();
            }
            var isUnderWay = relocation != null && relocation.isUnderWay();
            if (isCalledOff && !isUnderWay) {
                notice.takeBack();
                return Optional.empty();
            }
            var _ = over.await(isUnderWay || isWaitedFor ? LOOK_SOON_MS : LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
        }
    }

    private void look() throws IOException {
        open = Connections.at(ports).stream()
                .filter(one -> relocation == null || !relocation.away().contains(one.socket()))
                .toList();
        if (open.stream().noneMatch(this::isAwaited)
                && (relocation == null || !relocation.isUnderWay())
                && open.stream().anyMatch(notice::isDue)) {
            notice.giveWithResponses();
        }
        for (var one : open) {
            seen.add(one.socket());
            if (!isAwaited(one) && !ended.contains(one.socket())) {
                if (relocation != null) {
                    obstacles.put(one.socket(), relocation.obstacle(one.number()));
                }
                notice.give(one, one.isQuietFor(pause()));
            }
            if (mayEnd(one)) {
                end(one);
            }
        }
        left = open.stream()
                .filter(one -> one.isBusy() || !ended.contains(one.socket()))
                .toList();
    }

    private void lookAtWhatIsLeft() throws IOException {
        for (var before : left) {
            var now = isAwaited(before) ? Optional.<Connections.One>empty() : before.again();
            if (now.isPresent() && now.get().isSilentFor(pause()) && !notice.isDue(before)) {
                end(now.get());
            }
        }
    }

    private void end(Connections.One one) throws IOException {
        if (!ended.contains(one.socket()) && one.end()) {
            ended.add(one.socket());
            if (relocation != null) {
                relocation.leave(one.number());
            }
            closing = Deadline.after(CLOSING);
        }
    }

    private boolean mayEnd(Connections.One one) {
        if (relocation != null && isAwaited(one)) {
            // It goes when it rests. If it does not come to rest it is a response without an end, or not read.
            return one.isQuietFor(PAUSING) && !relocation.rests(one.number());
        }
        return !notice.isDue(one) && (one.isQuietFor(pause()) || (polite.isPassed() && one.isWorkedOn()));
    }

    private boolean isAwaited(Connections.One one) {
        return relocation != null && relocation.awaits(one.number());
    }

    private Duration pause() {
        return !polite.isPassed() ? QUIET : !patient.isPassed() ? SHORT : Duration.ZERO;
    }

    private boolean isOver() {
        return left.isEmpty()
                && (open.isEmpty() || closing.isPassed())
                && (relocation == null || !relocation.isUnderWay());
    }

    private Drained result() {
        var busy = (int) left.stream().filter(Connections.One::isBusy).count();
        if (relocation != null) {
            seen.removeAll(relocation.away());
            obstacles.keySet().removeAll(relocation.away());
            tellWhatStayed();
        }
        return new Drained(
                Math.max(0, seen.size() - left.size()),
                left.size() - busy,
                busy,
                relocation == null ? 0 : relocation.moved());
    }

    private void tellWhatStayed() {
        var counted = new TreeMap<String, Integer>();
        obstacles.values().forEach(obstacle -> counted.merge(obstacle, 1, Integer::sum));
        if (!counted.isEmpty()) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "connections that did not go to the successor: {0}",
                    counted.entrySet().stream()
                            .map(one -> one.getValue() + " (" + one.getKey() + ")")
                            .collect(Collectors.joining(", ")));
        }
    }
}

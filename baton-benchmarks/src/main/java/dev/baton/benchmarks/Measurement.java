package dev.baton.benchmarks;

import dev.baton.load.Generation;
import dev.baton.load.Latency;
import dev.baton.load.Load;
import dev.baton.load.Mode;
import dev.baton.load.Phase;
import dev.baton.load.Report;
import dev.baton.load.Snapshot;
import dev.baton.load.Tick;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAccumulator;

/**
 * Starts a server, loads it, and restarts it, each time after a while in which it is loaded in the same way and left alone.
 * The load is open and never retries, see {@link Load}; with the same seed it is the same for every server.
 *
 * @param restarts how many
 * @param perSecond quick requests per second: half of them on new connections, half on kept-alive ones
 * @param warmUp before the first while
 * @param window how long a while is, and how long after the trigger latencies are those of a restart
 */
record Measurement(int restarts, int perSecond, Duration warmUp, Duration window) {
    /** Part of the time line before the trigger. */
    static final Duration BEFORE = Duration.ofSeconds(2);

    private static final Duration BETWEEN_REQUESTS = Duration.ofMillis(100);
    private static final Duration REQUEST_LIMIT = Duration.ofSeconds(10);
    private static final int SLOW_CLIENTS = 4;
    private static final Duration SLOW_WORK = Duration.ofMillis(800);
    private static final Duration SLOW_GAP = Duration.ofMillis(200);
    private static final Duration MEMORY_EVERY = Duration.ofMillis(250);

    /** What is known when the windows of a restart are over. */
    private record Seen(
            Duration trigger, Snapshot begin, Snapshot before, Snapshot after, long memoryBeforeKib, long memoryKib) {}

    /** How many connections wait for answers that take their time. */
    int slowConnections() {
        return SLOW_CLIENTS;
    }

    /** How many connections are kept alive for quick requests. */
    int keptAlive() {
        return (int) Math.max(1, perSecond * BETWEEN_REQUESTS.toMillis() / 2000);
    }

    /**
     * Measures.
     *
     * @param directory of the site; must not exist
     * @param seed of the load
     * @throws IOException if the server cannot be started or restarted
     */
    Run of(Peer peer, Path directory, long seed) throws IOException {
        try (var site = new Site(directory)) {
            peer.start(site);
            site.awaitAnswer(site.port());
            try (var memory = new Memory(site);
                    var load = load(peer, site, seed)) {
                var seen = new ArrayList<Seen>();
                load.phase("warm-up");
                site.pause(warmUp);
                for (int i = 0; i < restarts; i++) {
                    seen.add(restart(peer, site, load, memory));
                }
                load.phase("end");
                return run(load.stop(), seen);
            }
        }
    }

    private Load load(Peer peer, Site site, long seed) {
        var load = Load.on(new InetSocketAddress(InetAddress.getLoopbackAddress(), site.port()))
                .seed(seed)
                .limit(REQUEST_LIMIT)
                .newConnections(perSecond / 2.0)
                .keepAlive(keptAlive(), BETWEEN_REQUESTS);
        if (peer.answersSlowly()) {
            load.slow(SLOW_CLIENTS, SLOW_GAP, SLOW_WORK);
        }
        return load.start();
    }

    private Seen restart(Peer peer, Site site, Load load, Memory memory) throws IOException {
        var _ = memory.peakKib();
        var begin = load.snapshot();
        load.phase("control");
        site.pause(window);
        var memoryBefore = memory.peakKib();
        var processes = site.processes();
        var before = load.snapshot();
        var old = load.generations().stream().map(Generation::pid).toList();
        site.nextGeneration();
        load.phase("restart");
        var trigger = load.elapsed();
        peer.restart(site);
        site.pause(trigger.plus(window).minus(load.elapsed()));
        // The restart may take longer than the window: its losses count, its latencies do not.
        load.phase("settling");
        site.await(
                "an answer of the new generation",
                () -> load.generations().stream().anyMatch(one -> one.first().compareTo(trigger) > 0));
        site.await(
                "the old generation to leave",
                () -> site.processes() <= processes && site.liveOf(old).isEmpty());
        return new Seen(trigger, begin, before, load.snapshot(), memoryBefore, memory.peakKib());
    }

    private Run run(Report report, List<Seen> seen) {
        var restarts = new ArrayList<Run.Restart>();
        for (int i = 0; i < seen.size(); i++) {
            var one = seen.get(i);
            var next = i + 1 < seen.size() ? seen.get(i + 1).trigger() : report.elapsed();
            restarts.add(new Run.Restart(
                    closed(one.before()) - closed(one.begin()),
                    one.after().closedWithNotice() - one.before().closedWithNotice(),
                    one.after().closedWithoutNotice() - one.before().closedWithoutNotice(),
                    firstAnswer(report.generations(), one.trigger(), next),
                    one.memoryBeforeKib(),
                    one.memoryKib(),
                    around(report.timeline(), one.trigger())));
        }
        var lost = lost(report, "restart") + lost(report, "settling");
        return new Run(
                restarts,
                lost,
                report.lost() - lost,
                report.outcomes(),
                quick(report, "control"),
                quick(report, "restart"),
                report.lag());
    }

    private static long closed(Snapshot snapshot) {
        return snapshot.closedWithNotice() + snapshot.closedWithoutNotice();
    }

    /** Of those who had not been heard when the restart was asked for. */
    private static Optional<Duration> firstAnswer(List<Generation> generations, Duration trigger, Duration next) {
        return generations.stream()
                .map(Generation::first)
                .filter(first -> first.compareTo(trigger) > 0 && first.compareTo(next) < 0)
                .min(Duration::compareTo)
                .map(first -> first.minus(trigger));
    }

    private List<Tick> around(List<Tick> timeline, Duration trigger) {
        return timeline.stream()
                .map(tick -> new Tick(tick.at().minus(trigger), tick.answered(), tick.lost(), tick.slowest()))
                .filter(tick ->
                        tick.at().compareTo(BEFORE.negated()) >= 0 && tick.at().compareTo(window) < 0)
                .toList();
    }

    private static long lost(Report report, String phase) {
        return phase(report, phase).map(Phase::lost).orElse(0L);
    }

    private static Latency quick(Report report, String phase) {
        var modes = phase(report, phase).orElseThrow().modes();
        var created = modes.get(Mode.NEW);
        var kept = modes.get(Mode.KEEP_ALIVE);
        if (created == null || kept == null) {
            throw new IllegalStateException(
                    "no answer came in the phase " + phase + ", on new or on kept-alive connections");
        }
        return created.plus(kept);
    }

    private static Optional<Phase> phase(Report report, String name) {
        return report.phases().stream()
                .filter(phase -> phase.name().equals(name))
                .findFirst();
    }

    /** Looks at the memory of a site again and again. */
    private static final class Memory implements AutoCloseable {
        private final LongAccumulator peak = new LongAccumulator(Math::max, 0);
        private final AtomicBoolean closed = new AtomicBoolean();

        Memory(Site site) {
            Thread.ofPlatform().daemon().name("memory").start(() -> {
                while (!closed.get()) {
                    peak.accumulate(site.memoryKib());
                    site.pause(MEMORY_EVERY);
                }
            });
        }

        /** The most that was seen since this was asked last. */
        long peakKib() {
            return peak.getThenReset();
        }

        @Override
        public void close() {
            closed.set(true);
        }
    }
}

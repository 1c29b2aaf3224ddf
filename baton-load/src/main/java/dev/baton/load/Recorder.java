package dev.baton.load;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.AtomicHistogram;

/** Counts what the clients tell it. Safe for use by any thread; recording never waits. */
final class Recorder {
    private static final int MOST_FAILURES = 1000;
    private static final long GREATEST_MICROS = Duration.ofHours(1).toNanos() / 1000;

    private final Clock clock;
    private final AtomicLong sequence = new AtomicLong();
    private final AtomicLong inFlight = new AtomicLong();
    private final Map<Outcome, LongAdder> outcomes = new EnumMap<>(Outcome.class);
    private final AtomicLong closedWithNotice = new AtomicLong();
    private final AtomicLong closedWithoutNotice = new AtomicLong();
    private final Queue<Failure> failures = new ConcurrentLinkedQueue<>();
    private final AtomicInteger failuresKept = new AtomicInteger();
    private final Map<Identity, Voice> generations = new ConcurrentHashMap<>();
    private final Map<Long, Step> steps = new ConcurrentHashMap<>();
    private volatile List<Span> spans;
    private volatile Step latestStep = new Step(-1);

    /** A phase from one instant on; the last span that began at or before an instant holds for it. */
    private record Span(long began, Section section) {}

    private record Identity(long number, long pid) {}

    /** What is kept for all spans with the same name. */
    private static final class Section {
        final String name;
        final AtomicLong lost = new AtomicLong();
        final AtomicHistogram lag = histogram();
        final Map<Mode, AtomicHistogram> latencies = new ConcurrentHashMap<>();

        Section(String name) {
            this.name = name;
        }

        AtomicHistogram latency(Mode mode) {
            return latencies.computeIfAbsent(mode, _ -> histogram());
        }
    }

    /** What is kept for one generation. */
    private static final class Voice {
        final LongAccumulator first = new LongAccumulator(Math::min, Long.MAX_VALUE);
        final LongAccumulator last = new LongAccumulator(Math::max, 0);
        final AtomicLong answers = new AtomicLong();
    }

    /** What is kept for one step of the time line. */
    private static final class Step {
        final long index;
        final AtomicLong answered = new AtomicLong();
        final AtomicLong lost = new AtomicLong();
        final LongAccumulator slowest = new LongAccumulator(Math::max, 0);

        Step(long index) {
            this.index = index;
        }
    }

    Recorder(Clock clock) {
        this.clock = clock;
        for (var outcome : Outcome.values()) {
            outcomes.put(outcome, new LongAdder());
        }
        this.spans = List.of(new Span(0, new Section("all")));
    }

    synchronized void phase(String name) {
        long now = clock.now();
        var section = spans.stream()
                .map(Span::section)
                .filter(known -> known.name.equals(name))
                .findFirst()
                .orElseGet(() -> new Section(name));
        var longer = new ArrayList<>(spans);
        longer.add(new Span(now, section));
        spans = List.copyOf(longer);
    }

    /** The first of that many consecutive numbers, each given once. */
    long sequences(int count) {
        return sequence.getAndAdd(count) + 1;
    }

    void begun(int requests, long intended, long lagNanos) {
        inFlight.addAndGet(requests);
        section(intended).lag.recordValue(micros(lagNanos));
    }

    void answered(Mode mode, long intended, long now, Connection by) {
        inFlight.decrementAndGet();
        count(Outcome.OK).increment();
        long latency = now - intended;
        section(intended).latency(mode).recordValue(micros(latency));
        var step = step(now);
        step.answered.incrementAndGet();
        if (!mode.takesItsTime()) {
            step.slowest.accumulate(latency);
        }
        if (mode != Mode.ECHO) {
            heard(by);
        }
    }

    /** Counts an answer for the generation that it names. */
    void heard(Connection by) {
        if (by.generation() >= 0 && by.pid() >= 0) {
            long now = clock.now();
            var voice = generations.computeIfAbsent(new Identity(by.generation(), by.pid()), _ -> new Voice());
            voice.answers.incrementAndGet();
            voice.first.accumulate(now);
            voice.last.accumulate(now);
        }
    }

    void ended(Mode mode, long intended, long begun, int localPort, long sequence, String sent, Lost lost) {
        inFlight.decrementAndGet();
        count(lost.outcome()).increment();
        if (!lost.outcome().isLost()) {
            return;
        }
        long now = clock.now();
        var section = section(intended);
        section.lost.incrementAndGet();
        step(now).lost.incrementAndGet();
        if (failuresKept.incrementAndGet() <= MOST_FAILURES) {
            failures.add(new Failure(
                    Duration.ofNanos(now),
                    Duration.ofNanos(now - begun),
                    section.name,
                    mode,
                    lost.outcome(),
                    localPort,
                    sequence,
                    sent,
                    lost.received()));
        }
    }

    void closedWithNotice() {
        closedWithNotice.incrementAndGet();
    }

    void closedWithoutNotice() {
        closedWithoutNotice.incrementAndGet();
    }

    Snapshot snapshot() {
        return new Snapshot(
                clock.elapsed(),
                spans.getLast().section().name,
                count(Outcome.OK).sum(),
                lost(),
                inFlight.get(),
                closedWithNotice.get(),
                closedWithoutNotice.get(),
                generations.keySet().stream().mapToLong(Identity::number).max().orElse(0));
    }

    Report report(String target, long seed) {
        var counts = new EnumMap<Outcome, Long>(Outcome.class);
        outcomes.forEach((outcome, count) -> counts.put(outcome, count.sum()));
        return new Report(
                target,
                seed,
                clock.elapsed(),
                counts,
                closedWithNotice.get(),
                closedWithoutNotice.get(),
                phases(),
                generations(),
                List.copyOf(failures),
                timeline(),
                Latency.of(spans.stream()
                        .map(Span::section)
                        .distinct()
                        .map(section -> section.lag)
                        .toList()));
    }

    private long lost() {
        return outcomes.entrySet().stream()
                .filter(entry -> entry.getKey().isLost())
                .mapToLong(entry -> entry.getValue().sum())
                .sum();
    }

    private LongAdder count(Outcome outcome) {
        return requireNonNull(outcomes.get(outcome));
    }

    private List<Phase> phases() {
        var firsts = new LinkedHashMap<Section, Long>();
        spans.forEach(span -> firsts.putIfAbsent(span.section(), span.began()));
        var phases = new ArrayList<Phase>();
        firsts.forEach((section, began) -> {
            var modes = new EnumMap<Mode, Latency>(Mode.class);
            var parts = new ArrayList<AtomicHistogram>();
            for (var mode : Mode.values()) {
                var latency = section.latencies.get(mode);
                if (latency != null) {
                    parts.add(latency);
                    modes.put(mode, Latency.of(List.of(latency)));
                }
            }
            if (!parts.isEmpty() || section.lost.get() > 0 || firsts.size() == 1) {
                phases.add(new Phase(
                        section.name,
                        Duration.ofNanos(began),
                        section.lost.get(),
                        Latency.of(parts),
                        modes,
                        Latency.of(List.of(section.lag))));
            }
        });
        return List.copyOf(phases);
    }

    List<Generation> generations() {
        var list = new ArrayList<Generation>();
        generations.forEach((identity, voice) -> list.add(new Generation(
                identity.number(),
                identity.pid(),
                Duration.ofNanos(voice.first.get()),
                Duration.ofNanos(voice.last.get()),
                voice.answers.get())));
        list.sort(Comparator.comparingLong(Generation::number).thenComparing(Generation::first));
        return List.copyOf(list);
    }

    private List<Tick> timeline() {
        var ticks = new ArrayList<Tick>();
        long end = steps.keySet().stream().mapToLong(Long::longValue).max().orElse(-1);
        for (long index = 0; index <= end; index++) {
            var step = steps.getOrDefault(index, new Step(index));
            ticks.add(new Tick(
                    Tick.LENGTH.multipliedBy(index),
                    step.answered.get(),
                    step.lost.get(),
                    Duration.ofNanos(step.slowest.get())));
        }
        return List.copyOf(ticks);
    }

    private Section section(long intended) {
        var all = spans;
        for (int i = all.size() - 1; i > 0; i--) {
            if (all.get(i).began() <= intended) {
                return all.get(i).section();
            }
        }
        return all.getFirst().section();
    }

    private Step step(long now) {
        long index = now / Tick.LENGTH.toNanos();
        var latest = latestStep;
        if (latest.index != index) {
            latest = steps.computeIfAbsent(index, Step::new);
            latestStep = latest;
        }
        return latest;
    }

    private static AtomicHistogram histogram() {
        return new AtomicHistogram(GREATEST_MICROS, 3);
    }

    private static long micros(long nanos) {
        return Math.clamp(nanos / 1000, 0, GREATEST_MICROS);
    }
}

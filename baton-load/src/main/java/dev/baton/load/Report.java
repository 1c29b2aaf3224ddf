package dev.baton.load;

import static dev.baton.load.Latency.text;

import java.time.Duration;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a load found out. Immutable.
 *
 * @param target the address that was loaded
 * @param seed the seed of the schedules
 * @param elapsed how long the load ran
 * @param outcomes how many requests ended as what; every outcome is a key
 * @param closedWithNotice connections closed by the server after an answer that said so, as it should be
 * @param closedWithoutNotice connections that the server closed or reset while they were silent: nothing was lost on them,
 *     by luck only
 * @param phases what was measured in each phase, in order of their beginning
 * @param generations the generations that answered, by number
 * @param failures the first thousand of the lost requests
 * @param timeline from the start until the last request that ended, without gaps
 * @param lag {@link Phase#lag()} of all phases
 */
public record Report(
        String target,
        long seed,
        Duration elapsed,
        Map<Outcome, Long> outcomes,
        long closedWithNotice,
        long closedWithoutNotice,
        List<Phase> phases,
        List<Generation> generations,
        List<Failure> failures,
        List<Tick> timeline,
        Latency lag) {
    private static final int FAILURES_IN_TABLE = 10;

    /** Keeps copies that nobody can change. */
    public Report {
        outcomes = Map.copyOf(outcomes);
        phases = List.copyOf(phases);
        generations = List.copyOf(generations);
        failures = List.copyOf(failures);
        timeline = List.copyOf(timeline);
    }

    /**
     * How many requests ended so.
     *
     * @param outcome which outcome
     * @return zero or more
     */
    public long count(Outcome outcome) {
        return outcomes.getOrDefault(outcome, 0L);
    }

    /** {@return how many requests ended in any way} */
    public long requests() {
        return outcomes.values().stream().mapToLong(Long::longValue).sum();
    }

    /** {@return how many requests were answered as expected} */
    public long answered() {
        return count(Outcome.OK);
    }

    /** {@return how many requests were lost, for whatever reason; see {@link Outcome#isLost()}} */
    public long lost() {
        return outcomes.entrySet().stream()
                .filter(entry -> entry.getKey().isLost())
                .mapToLong(Map.Entry::getValue)
                .sum();
    }

    /** {@return the report as aligned text for a terminal, with a line feed at its end} */
    public String toTable() {
        var table = new Formatter(Locale.ROOT);
        table.format("load on %s for %s, seed %d%n", target, text(elapsed), seed);
        table.format(
                "requests %,d (%,.0f/s)   answered %,d   lost %,d%n",
                requests(), requests() / Math.max(0.001, elapsed.toNanos() / 1e9), answered(), lost());
        for (var outcome : Outcome.values()) {
            if (outcome != Outcome.OK && count(outcome) > 0) {
                table.format("  %-24s %,12d%n", outcome, count(outcome));
            }
        }
        table.format(
                "connections closed by the server: %,d with notice, %,d without%n",
                closedWithNotice, closedWithoutNotice);

        table.format(
                "%n%-14s %-11s %10s %7s %12s %12s %12s %12s%n",
                "phase", "mode", "answered", "lost", "p50", "p99", "p99.9", "max");
        for (var phase : phases) {
            row(table, phase.name(), "all", phase.all(), Long.toString(phase.lost()));
            phase.modes().forEach((mode, latency) -> row(table, "", mode.name(), latency, ""));
            row(table, "", "driver lag", phase.lag(), "");
        }

        if (!generations.isEmpty()) {
            table.format(
                    "%n%-14s %11s %14s %14s %12s%n", "generation", "pid", "first answer", "last answer", "answers");
            generations.forEach(one -> table.format(
                    "%-14d %11d %14s %14s %,12d%n",
                    one.number(), one.pid(), text(one.first()), text(one.last()), one.answers()));
        }
        if (!failures.isEmpty()) {
            table.format("%nfirst of the lost requests%n");
            failures.stream().limit(FAILURES_IN_TABLE).forEach(failure -> table.format("  %s%n", failure));
        }
        return table.toString();
    }

    private static void row(Formatter table, String phase, String mode, Latency latency, String lost) {
        table.format(
                "%-14s %-11s %,10d %7s %12s %12s %12s %12s%n",
                phase,
                mode,
                latency.count(),
                lost,
                text(latency.percentile(50)),
                text(latency.percentile(99)),
                text(latency.percentile(99.9)),
                text(latency.max()));
    }
}

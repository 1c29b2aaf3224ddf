package dev.baton.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * What is known of one peer.
 *
 * @param version as it tells it
 * @param runs at least one
 */
record Result(Peer peer, String version, List<Run> runs) {
    Stream<Run.Restart> restarts() {
        return runs.stream().flatMap(run -> run.restarts().stream());
    }

    /** Requests lost through restarts, all runs together. */
    long lost() {
        return runs.stream().mapToLong(Run::lost).sum();
    }

    Spread perRun(ToDoubleFunction<Run> figure) {
        return new Spread(runs.stream().mapToDouble(figure));
    }

    Spread perRestart(ToDoubleFunction<Run.Restart> figure) {
        return new Spread(restarts().mapToDouble(figure));
    }

    /** Several measurements of the same; may be none. */
    static final class Spread {
        private final double[] sorted;

        Spread(DoubleStream values) {
            sorted = values.sorted().toArray();
        }

        /** The median, with the least and the greatest when they are others in print. */
        String text(int digits) {
            if (sorted.length == 0) {
                return "";
            }
            var least = number(sorted[0], digits);
            var greatest = number(sorted[sorted.length - 1], digits);
            var median = number(sorted[sorted.length / 2], digits);
            return least.equals(greatest) ? median : "%s (%s to %s)".formatted(median, least, greatest);
        }

        private static String number(double value, int digits) {
            return String.format(Locale.ROOT, "%,." + digits + "f", value);
        }
    }
}

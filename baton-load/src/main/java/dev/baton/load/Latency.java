package dev.baton.load;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.Histogram;

/**
 * A distribution of times, to three digits and one microsecond. Latency is measured from the instant at which a request
 * should have been sent until its answer was complete, for answered requests only. Immutable.
 */
public final class Latency {
    private final Histogram micros;

    private Latency(Histogram micros) {
        this.micros = micros;
    }

    static Latency of(Iterable<? extends AbstractHistogram> parts) {
        var sum = new Histogram(3);
        parts.forEach(sum::add);
        return new Latency(sum);
    }

    /**
     * Both together.
     *
     * @param other another distribution
     * @return one in which each time of both was recorded
     */
    public Latency plus(Latency other) {
        return of(List.of(micros, other.micros));
    }

    /** {@return how many times were recorded} */
    public long count() {
        return micros.getTotalCount();
    }

    /**
     * The time that the given share did not exceed.
     *
     * @param percent from 0 to 100, say 99.9
     * @return zero when nothing was recorded
     */
    public Duration percentile(double percent) {
        return micros(micros.getValueAtPercentile(percent));
    }

    /** {@return the greatest time; zero when nothing was recorded} */
    public Duration max() {
        return micros(micros.getMaxValue());
    }

    /** {@return {@code p50 0.31 ms, p99 2.10 ms, p99.9 5.02 ms, max 9.73 ms (1200)}} */
    @Override
    public String toString() {
        return "p50 %s, p99 %s, p99.9 %s, max %s (%d)"
                .formatted(text(percentile(50)), text(percentile(99)), text(percentile(99.9)), text(max()), count());
    }

    static String text(Duration time) {
        double ms = time.toNanos() / 1e6;
        return ms < 10_000
                ? String.format(Locale.ROOT, "%.2f ms", ms)
                : String.format(Locale.ROOT, "%.1f s", ms / 1000);
    }

    private static Duration micros(long value) {
        return Duration.ofNanos(value * 1000);
    }
}

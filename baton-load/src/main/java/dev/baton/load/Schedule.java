package dev.baton.load;

import java.time.Duration;
import java.util.SplittableRandom;

/**
 * The instants at which one client should send: gaps with an exponential distribution (a Poisson process, if requests take
 * no time by intention; otherwise each gap begins when the former request should have ended). The same seed gives the same
 * instants. It knows nothing of answers, which is what makes the load open. Not thread-safe.
 */
final class Schedule {
    private static final int LONGEST_GAP_IN_MEANS = 8;

    private final SplittableRandom random;
    private final double meanNanos;
    private final long slownessNanos;
    private long nanos;

    Schedule(long seed, Duration meanGap, Duration slowness) {
        this.random = new SplittableRandom(seed);
        this.meanNanos = meanGap.toNanos();
        this.slownessNanos = slowness.toNanos();
    }

    /** {@return the next instant, in nanoseconds since the start of the load} */
    long next() {
        double gap = Math.min(-Math.log(1 - random.nextDouble()), LONGEST_GAP_IN_MEANS);
        long instant = nanos + (long) (gap * meanNanos);
        nanos = instant + slownessNanos;
        return instant;
    }
}

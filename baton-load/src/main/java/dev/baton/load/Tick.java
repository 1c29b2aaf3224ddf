package dev.baton.load;

import java.time.Duration;

/**
 * One step of the time line, {@link #LENGTH} long. Requests belong to the step in which they ended.
 *
 * @param at the beginning of the step, since the start of the load
 * @param answered requests answered as expected
 * @param lost requests lost
 * @param slowest the greatest latency among the answered ones that are not {@linkplain Mode#takesItsTime() slow by
 *     intention}; zero when there were none
 */
public record Tick(Duration at, long answered, long lost, Duration slowest) {
    /** How long a step is. */
    public static final Duration LENGTH = Duration.ofMillis(100);
}

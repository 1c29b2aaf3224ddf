package dev.baton.benchmarks;

import dev.baton.load.Latency;
import dev.baton.load.Outcome;
import dev.baton.load.Tick;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one start of a server, with its restarts, has shown.
 *
 * @param restarts one entry for each
 * @param lost requests that were due in a restart and lost
 * @param lostInControl requests that were due at another time and lost
 * @param outcomes how many requests ended as what, at any time
 * @param control latency of quick requests (new connections and kept-alive ones) while nothing was restarted
 * @param restart the same through the restarts
 * @param lag how late the driver itself was
 */
record Run(
        List<Restart> restarts,
        long lost,
        long lostInControl,
        Map<Outcome, Long> outcomes,
        Latency control,
        Latency restart,
        Latency lag) {

    /**
     * One restart.
     *
     * @param closedBefore connections that the server closed in the time before, when nothing was restarted
     * @param closedWithNotice connections that the server closed and had announced to, from the trigger on
     * @param closedWithoutNotice connections that it closed while they were silent
     * @param firstAnswer from the trigger to the first answer of the new generation; empty if none came
     * @param memoryBeforeKib the most that all processes occupied before
     * @param memoryKib the most they occupied from the trigger on
     * @param timeline latencies around it; the trigger is at zero
     */
    record Restart(
            long closedBefore,
            long closedWithNotice,
            long closedWithoutNotice,
            Optional<Duration> firstAnswer,
            long memoryBeforeKib,
            long memoryKib,
            List<Tick> timeline) {}

    /** How many times longer a request took through a restart, at this percentile. */
    double ratio(double percent) {
        return (double) restart.percentile(percent).toNanos()
                / Math.max(1, control.percentile(percent).toNanos());
    }
}

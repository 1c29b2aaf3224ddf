package dev.baton.load;

import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * What was measured in one phase. A request belongs to the phase in which it should have been sent.
 *
 * @param name as given to {@link Load#phase(String)}
 * @param began when it began for the first time, since the start of the load
 * @param lost requests lost
 * @param all latency over all modes
 * @param modes latency per mode, for modes with at least one answer
 * @param lag how late the driver itself began its requests, after the intended time and after the connection was free; if
 *     this is not small, it is the driver that was slow
 */
public record Phase(String name, Duration began, long lost, Latency all, Map<Mode, Latency> modes, Latency lag) {
    /** Keeps a copy that nobody can change, in the order of the modes. */
    public Phase {
        modes = Collections.unmodifiableMap(new TreeMap<>(modes));
    }
}

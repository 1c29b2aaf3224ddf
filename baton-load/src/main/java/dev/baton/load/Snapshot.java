package dev.baton.load;

import java.time.Duration;

/**
 * The counters at one instant, for a progress line.
 *
 * @param elapsed since the start of the load
 * @param phase the phase of now
 * @param answered requests answered as expected
 * @param lost requests lost
 * @param inFlight requests begun and not ended
 * @param closedWithNotice connections that the server announced to close
 * @param closedWithoutNotice connections that the server closed while they were silent
 * @param generation the highest generation that answered; 0 before the first
 */
public record Snapshot(
        Duration elapsed,
        String phase,
        long answered,
        long lost,
        long inFlight,
        long closedWithNotice,
        long closedWithoutNotice,
        long generation) {}

package dev.baton.load;

import java.time.Duration;

/**
 * One lost request, with what an investigation needs.
 *
 * @param at when it was known to be lost, since the start of the load
 * @param waited time from beginning the request (connecting, if it had to) until it was known to be lost
 * @param phase the phase in which it should have been sent
 * @param mode the mode of the client
 * @param outcome what became of it; {@link Outcome#isLost()} holds
 * @param localPort the client's port, to be found in a packet capture; 0 when there was no connection
 * @param sequence the number in the request's header {@code X-Seq}; 0 when there was no request
 * @param sent the request in short
 * @param received what came instead of the answer, with the system's words where it had any
 */
public record Failure(
        Duration at,
        Duration waited,
        String phase,
        Mode mode,
        Outcome outcome,
        int localPort,
        long sequence,
        String sent,
        String received) {
    /** {@return one line for a terminal} */
    @Override
    public String toString() {
        return "%s at %s after %s (phase %s, %s, local port %d): sent %s; %s"
                .formatted(outcome, Latency.text(at), Latency.text(waited), phase, mode, localPort, sent, received);
    }
}

package dev.baton.handover;

import java.time.Duration;

/**
 * How long a handover waits for what.
 *
 * @param silence how long a successor that is not ready may give no sign of life
 * @param readiness how long it may take to become ready, however much it says
 * @param watch how long it is watched
 * @param shutdown how long what was accepted may take to finish
 */
public record Limits(Duration silence, Duration readiness, Duration watch, Duration shutdown) {
    /** How long a server may take to stop or begin accepting. */
    static final Duration SWITCH = Duration.ofSeconds(5);

    /** How much longer than its limit a drain may take to say so. */
    static final Duration MARGIN = Duration.ofSeconds(10);

    /** How long a successor that never accepted may take to leave. */
    public static final Duration END = Duration.ofSeconds(5);

    Duration of(Handover.Limit limit, boolean successorAccepted) {
        return switch (limit) {
            case SILENCE -> silence;
            case READINESS -> readiness;
            case SWITCH -> SWITCH;
            case WATCH -> watch;
            case DRAIN -> shutdown.plus(MARGIN);
            case END -> successorAccepted ? shutdown.plus(MARGIN) : END;
            case SETTLE -> shutdown.plus(MARGIN).plus(MARGIN);
        };
    }
}

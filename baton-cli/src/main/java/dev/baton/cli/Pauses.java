package dev.baton.cli;

import java.time.Duration;
import java.util.Optional;

/** How long to wait before a generation that has died is started again: longer each time, until one has lived for a while. */
final class Pauses {
    private static final Duration FIRST = Duration.ofMillis(200);
    private static final Duration LONGEST = Duration.ofSeconds(30);
    private static final Duration SETTLED = Duration.ofSeconds(60);

    private final int most;
    private int crashes;

    /**
     * @param most after so many in a row there is no further one
     */
    Pauses(int most) {
        this.most = most;
    }

    /** A generation that has served has ended. */
    void lived(Duration howLong) {
        if (howLong.compareTo(SETTLED) > 0) {
            crashes = 0;
        }
    }

    /** {@return how long to wait before the next start, after one more that failed; empty when it is to be given up} */
    Optional<Duration> next() {
        crashes++;
        if (crashes > most) {
            return Optional.empty();
        }
        var pause = FIRST.multipliedBy(1L << Math.min(crashes - 1, 10));
        return Optional.of(pause.compareTo(LONGEST) > 0 ? LONGEST : pause);
    }

    /** {@return how many have failed in a row} */
    int crashes() {
        return crashes;
    }
}

package dev.baton.load;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Nanoseconds since the start of the load. */
final class Clock {
    private final long origin = System.nanoTime();

    long now() {
        return System.nanoTime() - origin;
    }

    Duration elapsed() {
        return Duration.ofNanos(now());
    }

    /** Parks the thread until that instant, whatever wakes it before. */
    void await(long instant) {
        for (long left = instant - now(); left > 0; left = instant - now()) {
            LockSupport.parkNanos(this, left);
        }
    }
}

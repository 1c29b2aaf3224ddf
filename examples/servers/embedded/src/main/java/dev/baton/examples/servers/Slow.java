package dev.baton.examples.servers;

import org.jspecify.annotations.Nullable;

/** What {@code /slow?ms=2000} asks for. */
final class Slow {
    private Slow() {}

    /**
     * Takes its time, as a request that waits for a database does.
     *
     * @param ms for how many milliseconds; null for none
     */
    static void work(@Nullable String ms) {
        try {
            Thread.sleep(ms == null ? 0 : Long.parseLong(ms));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

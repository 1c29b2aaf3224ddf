package dev.baton;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The instant at which a wait ends, whatever it waited for.
 *
 * <p>It can be brought forward (a second SIGTERM means "now"), never put off. Safe for use by any thread.
 */
public final class Deadline {
    private final long endNanos;
    private final CompletableFuture<Void> passed = new CompletableFuture<>();
    private CompletableFuture<Void> actions = passed;

    private Deadline(Duration limit) {
        this.endNanos = System.nanoTime() + limit.toNanos();
        passed.completeOnTimeout(null, limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    /**
     * A deadline that begins to run now.
     *
     * @param limit how long from now; zero or less has passed already
     * @return the deadline
     */
    public static Deadline after(Duration limit) {
        return new Deadline(limit);
    }

    /** {@return the time left, zero once it has passed} */
    public Duration remaining() {
        return passed.isDone() ? Duration.ZERO : Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()));
    }

    /** {@return whether it has passed} */
    public boolean isPassed() {
        return remaining().isZero();
    }

    /** Lets it pass now. Has no effect when it has passed already. */
    public void bringForward() {
        passed.complete(null);
    }

    /**
     * Runs an action once, when the deadline passes; at once when it has passed. Actions run one after the other, in the
     * order in which they were added; what one throws is ignored.
     *
     * @param action must not block: it runs on a timer thread or on the thread that brought the deadline forward
     */
    public synchronized void onPassed(Runnable action) {
        actions = actions.handle((nothing, failure) -> {
            action.run();
            return null;
        });
    }
}

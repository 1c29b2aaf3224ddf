package dev.baton;

import static dev.baton.log.Log.LOG;

import dev.baton.linux.LockFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The baton: a lock of the kernel on a file beside the control socket (flock(2)).
 *
 * <p>A generation that is entitled to it tries until it gets it, and that is when its holder let go on purpose, or has
 * ended, however it ended: the kernel lets go for it. So there is no instant with two holders, whatever messages were lost,
 * and none that lasts with no holder while one is entitled. All of it happens on one thread, in order.
 */
final class HeldBaton {
    private static final Duration RETRY = Duration.ofMillis(10);

    private record Duty(Runnable start, Runnable stop) {}

    private final String name;
    private final Path path;
    private final ScheduledExecutorService thread;
    private final List<Duty> duties = new ArrayList<>();
    private @Nullable LockFile lock;
    private @Nullable ScheduledFuture<?> trying;
    private volatile boolean held;

    HeldBaton(String name, Path path) {
        this.name = name;
        this.path = path;
        ThreadFactory factory =
                Thread.ofPlatform().daemon().name("baton-holder").factory();
        this.thread = Executors.newSingleThreadScheduledExecutor(factory);
    }

    boolean isHeld() {
        return held;
    }

    /** {@return whether another process holds it} */
    boolean isHeldElsewhere() throws IOException {
        if (held) {
            return false;
        }
        try (var probe = LockFile.open(path)) {
            return !probe.tryAcquire();
        }
    }

    void add(Runnable start, Runnable stop) {
        thread.execute(() -> {
            var duty = new Duty(start, stop);
            duties.add(duty);
            if (held) {
                run(duty.start(), "start");
            }
        });
    }

    /** This generation is entitled: takes the baton as soon as it is free. */
    void take() {
        thread.execute(() -> {
            if (held || trying != null) {
                return;
            }
            try {
                lock = LockFile.open(path);
                trying = thread.scheduleWithFixedDelay(this::tryOnce, 0, RETRY.toMillis(), TimeUnit.MILLISECONDS);
            } catch (IOException e) {
                LOG.log(
                        System.Logger.Level.ERROR,
                        "{0}: cannot take the baton, {1}: {2}; what must run once does not run here",
                        name,
                        path,
                        e.getMessage());
            }
        });
    }

    /** This generation is no longer entitled: stops its duties, then lets go. */
    void letGo() {
        thread.execute(() -> {
            if (trying != null) {
                trying.cancel(false);
                trying = null;
            }
            if (held) {
                for (var duty : duties.reversed()) {
                    run(duty.stop(), "stop");
                }
                held = false;
            }
            if (lock != null) {
                lock.close();
                lock = null;
            }
        });
    }

    /** Lets go and waits until that is done or the deadline has passed. */
    void letGo(Deadline deadline) {
        letGo();
        thread.shutdown();
        try {
            if (!thread.awaitTermination(deadline.remaining().toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: what runs while holding the baton has not stopped in time; the baton passes as this process ends",
                        name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void tryOnce() {
        try {
            if (lock == null || !lock.tryAcquire()) {
                return;
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "{0}: cannot lock the baton, {1}: {2}", name, path, e.getMessage());
            return;
        }
        if (trying != null) {
            trying.cancel(false);
            trying = null;
        }
        held = true;
        for (var duty : duties) {
            run(duty.start(), "start");
        }
    }

    private void run(Runnable duty, String what) {
        try {
            duty.run();
        } catch (RuntimeException e) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    name + ": the application's " + what + " of what runs while holding the baton failed: " + e,
                    e);
        }
    }
}

package dev.baton.control;

import static dev.baton.log.Log.LOG;

import dev.baton.linux.Descriptor;
import dev.baton.linux.LinuxException;
import dev.baton.linux.Poller;
import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The one thread on which a generation thinks: it waits for descriptors, limits and tasks, and runs one thing after the
 * other. What is confined to it needs no lock. Nothing that runs on it may block.
 *
 * <p>The thread is a daemon. A thread that waits in native code delays the end of the JVM by up to 300 ms (HotSpot,
 * {@code VM_Exit::wait_for_threads_in_native_to_block}), so that {@link #close} belongs into a shutdown hook.
 */
public final class ControlLoop implements Executor, AutoCloseable {
    private static final Duration LONG = Duration.ofHours(1);

    private final Poller poller;
    private final Thread thread;
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final PriorityQueue<Timer> timers =
            new PriorityQueue<>(Comparator.comparingLong((Timer t) -> t.endNanos - t.loop.epoch));
    private final Map<Descriptor, Runnable> watched = new LinkedHashMap<>();
    private final long epoch = System.nanoTime();
    private volatile boolean closed;

    /**
     * Starts the thread.
     *
     * @param name the thread's name
     * @throws LinuxException if the descriptors for waiting cannot be had
     */
    public ControlLoop(String name) throws LinuxException {
        this.poller = new Poller();
        this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
        thread.start();
    }

    /** A limit that runs. */
    public static final class Timer {
        private final ControlLoop loop;
        private final long endNanos;
        private final Runnable action;

        Timer(ControlLoop loop, long endNanos, Runnable action) {
            this.loop = loop;
            this.endNanos = endNanos;
            this.action = action;
        }

        /** Lets it not pass. On the loop's thread. */
        public void cancel() {
            loop.timers.remove(this);
        }
    }

    /**
     * Runs a task on the loop's thread, after those given before.
     *
     * @param task the task; from any thread; dropped once the loop is closed
     */
    @Override
    public void execute(Runnable task) {
        tasks.add(task);
        if (!isCurrent()) {
            poller.wake();
        }
    }

    /**
     * Runs an action on the loop's thread when a limit has passed. On the loop's thread.
     *
     * @param limit how long from now
     * @param action what to do then
     * @return the running limit
     */
    public Timer after(Duration limit, Runnable action) {
        var timer = new Timer(this, System.nanoTime() + limit.toNanos(), action);
        timers.add(timer);
        return timer;
    }

    /**
     * Runs an action whenever a descriptor is readable, hung up or in error. On the loop's thread.
     *
     * @param descriptor what to wait for
     * @param action what to do; must read, or {@link #unwatch}, or it runs again at once
     */
    public void watch(Descriptor descriptor, Runnable action) {
        watched.put(descriptor, action);
    }

    /**
     * Stops waiting for a descriptor; before it is closed. On the loop's thread.
     *
     * @param descriptor what not to wait for any more
     */
    public void unwatch(Descriptor descriptor) {
        watched.remove(descriptor);
    }

    /** {@return whether the caller runs on the loop's thread} */
    public boolean isCurrent() {
        return Thread.currentThread().equals(thread);
    }

    /** Ends the thread after what it does now. From any thread; returns when it has ended, at most a second later. */
    @Override
    public void close() {
        closed = true;
        poller.wake();
        if (!isCurrent()) {
            try {
                var _ = thread.join(Duration.ofSeconds(1));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run() {
        try (poller) {
            while (!closed) {
                for (var task = tasks.poll(); task != null && !closed; task = tasks.poll()) {
                    runGuarded(task);
                }
                runPassedTimers();
                if (closed || !tasks.isEmpty()) {
                    continue;
                }
                for (var ready : poller.await(List.copyOf(watched.keySet()), untilNextTimer())) {
                    var action = watched.get(ready);
                    if (action != null) {
                        runGuarded(action);
                    }
                }
            }
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    "the control loop broke: " + e.getMessage() + "; this process serves on but cannot be restarted",
                    e);
        }
    }

    private void runPassedTimers() {
        for (var next = timers.peek(); next != null && next.endNanos - System.nanoTime() <= 0; next = timers.peek()) {
            timers.remove(next);
            runGuarded(next.action);
        }
    }

    private Duration untilNextTimer() {
        @Nullable Timer next = timers.peek();
        return next == null ? LONG : Duration.ofNanos(Math.max(0, next.endNanos - System.nanoTime()));
    }

    private static void runGuarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.ERROR, "a task of the control loop failed", e);
        }
    }
}

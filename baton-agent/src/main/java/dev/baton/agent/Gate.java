package dev.baton.agent;

import dev.baton.linux.Descriptor;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * Keeps the application's threads away from connections for the moment in which something is done to them. For use by one
 * thread at a time. What a closed gate means, see {@code sun.nio.ch.BatonConversation}.
 */
final class Gate {
    private static final Duration AT_ONCE = Duration.ofNanos(50_000);
    private static final long LOOK_AGAIN_NANOS = 200_000;
    private static final int TRIES = 3;

    private final Traffic traffic;

    Gate(Traffic traffic) {
        this.traffic = traffic;
    }

    /** What is done while the gate of a connection is closed. */
    interface Step {
        /**
         * Does it.
         *
         * @param number the connection's descriptor
         * @param id the connection's id
         * @param wasWoken whether a thread slept in a call to read from it and was woken
         */
        void on(int number, long id, boolean wasWoken) throws IOException;
    }

    /**
     * Does something to each connection while no thread of the application touches it. Those that cannot be had within the
     * limit are left out.
     */
    void withNobodyInside(List<Integer> numbers, Duration limit, Step step) throws IOException {
        var asleep = new HashMap<Integer, Long>();
        try {
            for (int number : numbers) {
                var id = traffic.hold(number);
                if (id != 0) {
                    asleep.put(number, id);
                    if (isLeft(number)) {
                        asleep.remove(number);
                        act(number, id, false, step);
                    }
                }
            }
            var end = System.nanoTime() + limit.toNanos();
            while (!asleep.isEmpty() && System.nanoTime() < end) {
                Waiters.wake(asleep.keySet());
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
                for (var one : Map.copyOf(asleep).entrySet()) {
                    if (!traffic.isUsed(one.getKey())) {
                        asleep.remove(one.getKey());
                        act(one.getKey(), one.getValue(), true, step);
                    }
                }
            }
        } finally {
            asleep.keySet().forEach(traffic::release);
        }
    }

    private boolean isLeft(int number) {
        var end = System.nanoTime() + AT_ONCE.toNanos();
        while (traffic.isUsed(number)) {
            if (System.nanoTime() > end) {
                return false;
            }
            Thread.onSpinWait();
        }
        return true;
    }

    private void act(int number, long id, boolean wasWoken, Step step) throws IOException {
        try {
            step.on(number, id, wasWoken);
        } finally {
            traffic.release(number);
        }
    }

    /**
     * Whether the kernel counts as many bytes as were seen to be read and written.
     *
     * @param number the connection's descriptor
     * @param connection the connection, while its gate is closed
     */
    boolean isAllSeen(int number, Descriptor connection) {
        var seen = traffic.progress(number);
        for (int i = 0; i < TRIES; i++) {
            var counted = Tcp.progress(connection);
            if (counted == null || counted.equals(seen)) {
                return counted != null;
            }
        }
        return false;
    }
}

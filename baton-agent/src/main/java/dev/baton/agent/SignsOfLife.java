package dev.baton.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Whether an application that is starting still gets on: its threads use the processor, other than now and then. One that
 * hangs uses none; one that has a long way to go does.
 */
final class SignsOfLife {
    /** A hundredth of one processor; what an idle JVM uses is a tenth of that. */
    private static final long USED_NANOS_PER_SECOND = 10_000_000;

    /** Ours, by the names the JVM gives the system. */
    private static final String OWN = "baton";

    private static final int PARTS = 4;

    private final long everyNanos;
    private long sinceNanos = System.nanoTime();
    private long usedBefore;

    /**
     * Begins to look.
     *
     * @param silence for how long an incumbent stands silence
     */
    SignsOfLife(Duration silence) throws IOException {
        everyNanos = silence.toNanos() / PARTS;
        usedBefore = used();
    }

    /** {@return whether some time has passed since the last one, and the application has used it} */
    boolean areDue() throws IOException {
        var passed = System.nanoTime() - sinceNanos;
        if (passed < everyNanos) {
            return false;
        }
        var used = used();
        var isAlive = used - usedBefore >= passed / Duration.ofSeconds(1).toNanos() * USED_NANOS_PER_SECOND
                && used > usedBefore;
        sinceNanos += passed;
        usedBefore = used;
        return isAlive;
    }

    private static long used() throws IOException {
        long sum = 0;
        try (var tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (var task : tasks) {
                try {
                    if (!Files.readString(task.resolve("comm")).startsWith(OWN)) {
                        sum += Long.parseLong(
                                Files.readString(task.resolve("schedstat")).split(" ", 2)[0]);
                    }
                } catch (IOException e) {
                    // It has ended.
                }
            }
        }
        return sum;
    }
}

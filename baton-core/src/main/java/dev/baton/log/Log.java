package dev.baton.log;

import java.text.MessageFormat;
import java.time.Duration;
import java.util.ResourceBundle;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What Baton says to its operator, on a thread of its own. A log is often a pipe, and a write to a pipe whose reader has stopped
 * does not return (pipe(7)), no more than one to a disk that hangs. Nobody who hands over may wait for that.
 *
 * <p>Whoever logs waits until its line is written, so that lines stand in their order among those of the application and the
 * last one is there when the process ends; but it waits no longer than {@link #PATIENCE}, and not at all behind a line that is stuck.
 * Lines are kept meanwhile, {@value #MOST_WAITING} of them; how many came late, and how many did not fit, is said afterwards.
 *
 * <p>From any thread. Bundles of resources are not looked at.
 */
public final class Log implements System.Logger {
    /** How long a line is waited for. */
    static final Duration PATIENCE = Duration.ofMillis(500);

    /** From when on a line's lateness is worth a line. */
    static final Duration LATE = Duration.ofSeconds(1);

    static final int MOST_WAITING = 1000;

    /** The logger {@code dev.baton}. It is looked up with the first line, so that an application may set up its logging first. */
    public static final System.Logger LOG = new Log(() -> System.getLogger("dev.baton"), PATIENCE, LATE);

    private final Supplier<System.Logger> lookup;
    private final Duration patience;
    private final Duration late;
    private final LinkedBlockingQueue<Line> waiting = new LinkedBlockingQueue<>(MOST_WAITING);
    private final AtomicInteger dropped = new AtomicInteger();
    private volatile System.@Nullable Logger destination;
    private volatile boolean isStuck;
    private @Nullable Thread writer;

    private record Line(
            Level level, @Nullable String text, @Nullable Throwable thrown, long nanos, CountDownLatch written) {
        /** Here, since java.util.logging takes the first frame below the loggers for who has said it. */
        void write(System.Logger destination) {
            destination.log(level, text, thrown);
        }
    }

    /**
     * A log.
     *
     * @param lookup finds where lines go
     * @param patience how long a line is waited for
     * @param late from when on its lateness is told
     */
    Log(Supplier<System.Logger> lookup, Duration patience, Duration late) {
        this.lookup = lookup;
        this.patience = patience;
        this.late = late;
    }

    @Override
    public String getName() {
        return destination().getName();
    }

    @Override
    public boolean isLoggable(Level level) {
        return destination().isLoggable(level);
    }

    @Override
    public void log(
            Level level, @Nullable ResourceBundle bundle, @Nullable String message, @Nullable Throwable thrown) {
        if (isLoggable(level)) {
            say(level, message, thrown);
        }
    }

    @Override
    public void log(
            Level level, @Nullable ResourceBundle bundle, @Nullable String format, Object @Nullable ... params) {
        if (isLoggable(level)) {
            var isText = format == null || params == null || params.length == 0;
            say(level, isText ? format : MessageFormat.format(format, params), null);
        }
    }

    private void say(Level level, @Nullable String text, @Nullable Throwable thrown) {
        var line = new Line(level, text, thrown, System.nanoTime(), new CountDownLatch(1));
        if (!waiting.offer(line)) {
            dropped.incrementAndGet();
            return;
        }
        startWriter();
        if (!isStuck) {
            try {
                isStuck = !line.written().await(patience.toNanos(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized void startWriter() {
        if (writer == null) {
            writer = Thread.ofPlatform().daemon().name("baton-log").start(this::writeAll);
        }
    }

    private void writeAll() {
        int lateLines = 0;
        var latest = Duration.ZERO;
        try {
            while (true) {
                var line = waiting.take();
                write(line);
                line.written().countDown();
                isStuck = false;
                var delay = Duration.ofNanos(System.nanoTime() - line.nanos());
                if (delay.compareTo(late) > 0) {
                    lateLines++;
                    latest = delay.compareTo(latest) > 0 ? delay : latest;
                }
                if (waiting.isEmpty() && (lateLines > 0 || dropped.get() > 0)) {
                    write(ofDelay(lateLines, latest, dropped.getAndSet(0)));
                    lateLines = 0;
                    latest = Duration.ZERO;
                }
            }
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; it ends with the process.
        }
    }

    private static Line ofDelay(int lateLines, Duration latest, int missing) {
        var text =
                "the log was stuck, or this process stood still: lines came up to %.1f s late (%d) or not at all (%d)"
                        .formatted(latest.toMillis() / 1000.0, lateLines, missing);
        return new Line(Level.WARNING, text, null, System.nanoTime(), new CountDownLatch(0));
    }

    private void write(Line line) {
        try {
            line.write(destination());
        } catch (RuntimeException | Error e) {
            // A logger that fails has nobody to be told; the next line may fare better.
        }
    }

    private System.Logger destination() {
        var found = destination;
        if (found == null) {
            found = lookup.get();
            destination = found;
        }
        return found;
    }
}

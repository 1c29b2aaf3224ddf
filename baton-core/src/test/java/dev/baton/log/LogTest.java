package dev.baton.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.ResourceBundle;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LogTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Duration SHORT = Duration.ofMillis(10);

    private final Destination destination = new Destination();

    @Test
    void shouldHaveWrittenALineWhenItReturns() {
        var log = new Log(() -> destination, LONG, LONG);

        log.log(Level.INFO, "{0} and {1}", "one", 2);
        log.log(Level.ERROR, "three", new IllegalStateException("boom!"));

        assertThat(destination.lines)
                .containsExactly("INFO one and 2", "ERROR three java.lang.IllegalStateException: boom!");
    }

    @Test
    void shouldNotWriteWhatIsNotWanted() {
        var log = new Log(() -> destination, LONG, LONG);

        log.log(Level.DEBUG, () -> {
            throw new AssertionError("nobody asked");
        });
        log.log(Level.DEBUG, "nobody asked");

        assertThat(destination.lines).isEmpty();
    }

    @Test
    void shouldNotWaitForALineThatIsStuckNorBehindIt() {
        var log = new Log(() -> destination, SHORT, Duration.ZERO);
        destination.block();

        log.log(Level.INFO, "stuck");
        log.log(Level.INFO, "behind it");
        assertThat(destination.lines).isEmpty();

        destination.unblock();
        await().untilAsserted(() -> assertThat(destination.lines)
                .hasSize(3)
                .startsWith("INFO stuck", "INFO behind it")
                .last()
                .asString()
                .startsWith("WARNING the log was stuck, or this process stood still: lines came up to ")
                .endsWith(" s late (2) or not at all (0)"));
    }

    @Test
    void shouldTellHowManyLinesAreMissing() {
        var log = new Log(() -> destination, SHORT, LONG);
        destination.block();

        log.log(Level.INFO, "stuck");
        for (int i = 0; i < Log.MOST_WAITING + 7; i++) {
            log.log(Level.INFO, "line");
        }
        destination.unblock();

        await().untilAsserted(() -> assertThat(destination.lines)
                .hasSize(Log.MOST_WAITING + 2)
                .last()
                .asString()
                .endsWith(" or not at all (7)"));
        log.log(Level.INFO, "afterwards");
        assertThat(destination.lines).endsWith("INFO afterwards").hasSize(Log.MOST_WAITING + 3);
    }

    @Test
    void shouldWaitAgainAfterALineThatWasStuck() {
        var log = new Log(() -> destination, Duration.ofMillis(500), LONG);
        destination.block();
        log.log(Level.INFO, "stuck");
        destination.unblock();
        await().until(() -> hasWrittenALine(log));

        for (int i = 0; i < 100; i++) {
            assertThat(hasWrittenALine(log)).isTrue();
        }
    }

    private boolean hasWrittenALine(Log log) {
        var before = destination.lines.size();
        log.log(Level.INFO, "line");
        return destination.lines.size() == before + 1;
    }

    @Test
    void shouldGoOnAfterALoggerThatFails() {
        var log = new Log(() -> destination, LONG, LONG);
        destination.fails = true;
        log.log(Level.INFO, "lost");
        destination.fails = false;

        log.log(Level.INFO, "afterwards");

        assertThat(destination.lines).containsExactly("INFO afterwards");
    }

    @Test
    void shouldLeaveAThreadInterrupted() {
        var log = new Log(() -> destination, LONG, LONG);
        Thread.currentThread().interrupt();

        log.log(Level.INFO, "line");

        assertThat(Thread.interrupted()).isTrue();
        await().untilAsserted(() -> assertThat(destination.lines).isEqualTo(List.of("INFO line")));
    }

    /** A logger whose reader stops at times. */
    private static final class Destination implements System.Logger {
        private final List<String> lines = new CopyOnWriteArrayList<>();
        private volatile CountDownLatch open = new CountDownLatch(0);
        private volatile boolean fails;

        void block() {
            open = new CountDownLatch(1);
        }

        void unblock() {
            open.countDown();
        }

        @Override
        public String getName() {
            return "test";
        }

        @Override
        public boolean isLoggable(Level level) {
            return level.compareTo(Level.INFO) >= 0;
        }

        @Override
        public void log(
                Level level, @Nullable ResourceBundle bundle, @Nullable String message, @Nullable Throwable thrown) {
            write(level + " " + message + (thrown == null ? "" : " " + thrown));
        }

        @Override
        public void log(
                Level level, @Nullable ResourceBundle bundle, @Nullable String format, Object @Nullable ... params) {
            throw new AssertionError("formatted already");
        }

        private void write(String line) {
            if (fails) {
                throw new IllegalStateException("boom!");
            }
            try {
                open.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            lines.add(line);
        }
    }
}

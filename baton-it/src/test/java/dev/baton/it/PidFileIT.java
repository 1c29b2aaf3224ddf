package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import dev.baton.load.ScriptedClient;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The pid file names the process that serves: at every instant, whatever becomes of a handover. */
@Timeout(120)
class PidFileIT {
    @TempDir
    Path directory;

    @Test
    void shouldNameTheOldProcessAndThenTheNewOneAndNothingElse() throws Exception {
        var expected = new ArrayList<String>();
        try (var app = Deployment.in(directory).start()) {
            expected.add(app.pid() + "\n");
            try (var reader = new Reader(app.pidFile());
                    var load = app.load().start()) {
                for (int i = 0; i < 2; i++) {
                    var outcome = app.restart();
                    assertThat(outcome.ok()).as(outcome.toString()).isTrue();
                    expected.add(outcome.toPid() + "\n");
                    app.assertServedBy(Objects.requireNonNull(outcome.toPid()));
                }
                assertThat(reader.seen()).isEqualTo(expected);
                Deployment.assertNothingLost(load);
            }
        }
        assertThat(directory.resolve("app.pid")).doesNotExist();
    }

    @Test
    void shouldGoOnNamingTheIncumbentWhenTheSuccessorFails() throws Exception {
        try (var app = Deployment.in(directory).start()) {
            var incumbent = app.pid();
            try (var reader = new Reader(app.pidFile())) {
                for (var fault : Map.of(
                                Step.STARTED, Deed.EXIT,
                                Step.PREPARED, Deed.FAIL,
                                Step.SWITCHING, Deed.CRASH,
                                Step.ACCEPTING, Deed.KILL_ITSELF)
                        .entrySet()) {
                    app.next(fault.getValue(), fault.getKey());
                    assertThat(app.restart().ok()).as(fault.toString()).isFalse();
                    app.assertServedBy(incumbent);
                }
                assertThat(reader.seen()).containsExactly(incumbent + "\n");
            }
        }
    }

    @Test
    void shouldNameTheIncumbentAgainWhenASuccessorDiesThatHadTakenOver() throws Exception {
        try (var app = Deployment.in(directory)
                        .set("shutdownTimeout", Duration.ofSeconds(60))
                        .start();
                var open = ScriptedClient.connect(app.address()).within(Duration.ofSeconds(60))) {
            var incumbent = app.pid();
            open.send("POST /upload HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\n\r\n");
            await().until(() -> app.status().openRequests() == 1);
            try (var reader = new Reader(app.pidFile())) {
                app.next(Deed.KILL_ITSELF, Step.COMMITTED);

                var outcome = app.restart();

                assertThat(outcome.rolledBack()).as(outcome.toString()).isTrue();
                assertThat(reader.seen())
                        .isSubsetOf(incumbent + "\n", outcome.toPid() + "\n")
                        .endsWith(incumbent + "\n");
            }
            open.send("hello").expectAnswer(200);
            app.assertServedBy(incumbent);
        }
    }

    /** Reads the file without a pause, and keeps each change of what it says. */
    private static final class Reader implements AutoCloseable {
        private static final Duration REST = Duration.ofNanos(200_000);

        private final Path file;
        private final List<String> seen = new ArrayList<>();
        private final Thread thread = Thread.ofPlatform().daemon().unstarted(this::run);
        private volatile boolean closed;

        Reader(Path file) {
            this.file = file;
            thread.start();
        }

        private void run() {
            while (!closed) {
                note(look());
                LockSupport.parkNanos(REST.toNanos());
            }
        }

        private String look() {
            try {
                return Files.readString(file);
            } catch (NoSuchFileException e) {
                return "no file";
            } catch (java.io.IOException e) {
                return e.toString();
            }
        }

        private synchronized void note(String content) {
            if (seen.isEmpty() || !seen.getLast().equals(content)) {
                seen.add(content);
            }
        }

        synchronized List<String> seen() {
            note(look());
            return List.copyOf(seen);
        }

        @Override
        public void close() {
            closed = true;
            await().until(() -> !thread.isAlive());
        }
    }
}

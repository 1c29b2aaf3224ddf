package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Promise 8: what is cut is counted. */
@Timeout(120)
class WhatIsCutIsCountedIT {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    private Deployment app;

    @BeforeEach
    void start() throws Exception {
        app = Deployment.in(directory)
                .set("shutdownTimeout", Duration.ofSeconds(2))
                .start();
    }

    @AfterEach
    void end() throws Exception {
        app.close();
    }

    @Test
    void shouldCountInTheOutcomeAndTheLogWhatIsOpenAtTheDeadline() throws Exception {
        try (var slow = app.connect();
                var _ = app.hold();
                var idle = app.connect()) {
            slow.get("/slow?ms=60000");
            idle.get("/").expectAnswer(200);
            app.awaitOpen(3, 2);

            var outcome = app.restart();

            assertThat(outcome.ok()).isTrue();
            assertThat(outcome.cutRequests()).isEqualTo(2);
            assertThat(outcome.cutConnections()).isZero();
            assertThat(outcome.finished()).isZero();
            assertThat(outcome.moved()).isEqualTo(1);
            await().untilAsserted(() -> assertThat(app.status().lastHandover()).isEqualTo(outcome));
            assertThat(app.log())
                    .contains("2 connections, 2 requests")
                    .contains("2 requests and 0 idle connections cut at the deadline");
        }
    }

    @Test
    void shouldLogWhatIsOpenAtTheDeadlineOfAStop() throws Exception {
        try (var slow = app.connect();
                var _ = app.hold();
                var idle = app.connect()) {
            slow.get("/slow?ms=60000");
            idle.get("/").expectAnswer(200);
            app.awaitOpen(3, 2);

            app.signal("TERM");

            assertThat(app.first().waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(app.first().exitValue()).isZero();
            assertThat(app.log()).contains("3 connections, 2 requests").contains("1 idle ones and 2 requests were cut");
        }
    }
}

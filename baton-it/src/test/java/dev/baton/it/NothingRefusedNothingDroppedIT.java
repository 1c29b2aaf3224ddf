package dev.baton.it;

import static dev.baton.it.Deployment.assertNothingLost;
import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.load.Generation;
import dev.baton.load.Load;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Promise 1: no connection is refused, and none that was accepted is dropped, because of a restart. */
@Timeout(120)
class NothingRefusedNothingDroppedIT {
    private static final String UPGRADE = "GET %s HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: %s\r\n";

    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    private Deployment app;

    @BeforeEach
    void start() throws Exception {
        app = Deployment.in(directory).start();
    }

    @AfterEach
    void end() throws Exception {
        app.close();
    }

    @Test
    void shouldLoseNothingInThreeRestarts() throws Exception {
        try (var load = app.load()
                .pipeline(2, Duration.ofMillis(100), 4)
                .big(2, Duration.ofMillis(100), 512, Duration.ofMillis(600))
                .idle(3, Duration.ofSeconds(2))
                .start()) {
            for (int i = 1; i <= 3; i++) {
                awaitAnswers(load, 50);
                var outcome = app.restart();
                assertThat(outcome.ok()).as("%s", outcome).isTrue();
                assertThat(outcome.toPid()).isEqualTo(app.pid());
                assertThat(outcome.cutConnections() + outcome.cutRequests()).isZero();
            }
            awaitAnswers(load, 50);
            var report = assertNothingLost(load);
            assertThat(report.generations()).extracting(Generation::number).containsExactly(1L, 2L, 3L, 4L);
        }
        assertThat(app.first().exitValue())
                .as("exit code of the first generation")
                .isZero();
        app.assertServedBy(app.pid());
    }

    @Test
    void shouldAnswerARequestWhereItsHandlerBegan() throws Exception {
        try (var upload = app.hold();
                var half = app.connect().send("GET / HTTP/1.1\r\nHo")) {
            app.awaitOpen(2, 1);
            var restarting = app.restarting();
            app.awaitGeneration(2);

            half.send("st: test\r\n\r\n");

            var begun = upload.finish();
            assertThat(begun.header("X-Generation")).isEqualTo("1");
            for (var answer : List.of(begun, half.expectAnswer(200))) {
                assertThat(answer.header("Connection")).isNull();
            }
            assertThat(restarting.get().moved()).isEqualTo(2);
            for (var client : List.of(upload.client(), half)) {
                assertThat(client.get("/").expectAnswer(200).header("X-Generation"))
                        .isEqualTo("2");
            }
        }
    }

    /** Each is longer than the socket buffers of both ends hold, so that the server is sending while it hands over. */
    @Test
    void shouldSendTheRestOfADownloadThatWasBegunBefore() throws Exception {
        try (var load = Load.on(app.address())
                .big(3, Duration.ofMillis(20), 16 * 1024, Duration.ofSeconds(3))
                .start()) {
            await().until(() -> load.snapshot().inFlight() == 3);

            assertThat(app.restart().ok()).isTrue();

            awaitAnswers(load, 3);
            assertThat(assertNothingLost(load).generations())
                    .extracting(Generation::number)
                    .containsExactly(1L, 2L);
        }
    }

    @Test
    void shouldLetAnUpgradedConnectionGoOnUntilItsClientEndsIt() throws Exception {
        try (var client = app.connect()) {
            client.send(UPGRADE.formatted("/echo", "echo") + "\r\n").expectHead(101);
            client.send("before\n").expect("before\n");
            var restarting = app.restarting();
            app.awaitGeneration(2);

            client.send("after\n").expect("after\n");
            client.halfClose().expectEof();

            assertThat(restarting.get().cutRequests()).isZero();
        }
    }

    @Test
    void shouldTellAWebSocketThatTheServerIsGoingAway() throws Exception {
        try (var client = app.connect()) {
            client.send(UPGRADE.formatted("/ws", "websocket")
                            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
                    .expectHead(101);
            var restarting = app.restarting();

            // RFC 6455, 5.5.1 and 7.4.1: a close frame with code 1001, going away, answered by the same, masked with
            // zero.
            assertThat(client.expectBytes(2).charAt(0)).isEqualTo('\u0088');
            client.expect("\u0003\u00e9");
            client.send("\u0088\u0082\0\0\0\0\u0003\u00e9");
            client.expectRestThenEof();

            var outcome = restarting.get();
            assertThat(outcome.ok()).isTrue();
            assertThat(outcome.cutRequests() + outcome.cutConnections()).isZero();
        }
    }

    @Test
    void shouldNotCloseAnIdleConnection() throws Exception {
        try (var client = app.connect()) {
            assertThat(client.get("/").expectAnswer(200).header("Connection")).isNull();

            var outcome = app.restart();

            var answer = client.expectStillOpen().get("/").expectAnswer(200);
            assertThat(answer.header("X-Generation")).isEqualTo("2");
            assertThat(answer.header("Connection")).isNull();
            assertThat(outcome.moved()).isEqualTo(1);
            assertThat(outcome.cutConnections()).isZero();
        }
    }
}

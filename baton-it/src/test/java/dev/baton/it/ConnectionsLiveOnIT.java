package dev.baton.it;

import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.it.App.Deed;
import dev.baton.it.App.Step;
import dev.baton.load.Load;
import dev.baton.load.Report;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Promise 9: live connections go on in the successor. */
@Timeout(240)
class ConnectionsLiveOnIT {
    private static final int RESTARTS = Integer.getInteger("baton.restarts", 3);
    private static final Duration WATCH = Duration.ofMillis(500);
    private static final int IDLE = Integer.getInteger("baton.idle", 1_000);

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

    /** 200 connections, kept alive and pipelined, and what else there is; each answer must carry its request's number. */
    private Load.Builder load() {
        return app.load().keepAlive(150, Duration.ofMillis(300)).pipeline(50, Duration.ofMillis(400), 4);
    }

    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS) // the long form; each restart has a limit of its own
    void shouldCloseNoConnectionHoweverOftenItIsRestarted() throws Exception {
        try (var load = load().start()) {
            awaitAnswers(load, 200);
            for (int i = 0; i < RESTARTS; i++) {
                var outcome = app.restart();
                assertThat(outcome.ok()).as("%s", outcome).isTrue();
                assertThat(outcome.moved()).isPositive();
            }
            awaitAnswers(load, 200);
            assertThat(closed(Deployment.assertNothingLost(load))).isZero();
        }
    }

    @Test
    void shouldMoveAllIdleConnectionsInOneHandover() throws Exception {
        var clients = new ArrayList<ScriptedClient>();
        try {
            for (int i = 0; i < IDLE; i++) {
                clients.add(app.connect());
            }
            clients.getFirst().get("/").expectAnswer(200);
            await().until(() -> app.status().openConnections() == IDLE);

            var outcome = app.restart();

            assertThat(outcome.moved()).isEqualTo(IDLE);
            assertThat(outcome.cutConnections()).isZero();
            assertThat(app.status().openConnections()).isEqualTo(IDLE);
            for (var client : clients) {
                assertThat(client.get("/").expectAnswer(200).header("X-Generation"))
                        .isEqualTo("2");
            }
            System.out.printf(
                    "moved %,d idle connections within %,d ms of the commitment; processor time of the successor %,d ms%n",
                    IDLE,
                    outcome.totalMs() - Objects.requireNonNull(outcome.servingMs()) - WATCH.toMillis(),
                    ProcessHandle.of(app.pid())
                            .flatMap(successor -> successor.info().totalCpuDuration())
                            .orElseThrow()
                            .toMillis());
        } finally {
            for (var client : clients) {
                client.close();
            }
        }
    }

    @Test
    void shouldGoOnWithAWebSocketWhoseHandlerHandsItsStateOver() throws Exception {
        try (var client = app.connect()) {
            for (var line : List.of(
                    "GET /tally HTTP/1.1",
                    "Host: test",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                    "")) {
                client.send(line + "\r\n");
            }
            client.expectHead(101);
            for (int generation = 1; generation <= 3; generation++) {
                // RFC 6455, 5.2: a whole text message, masked with zero, and its answer, not masked.
                client.send("\u0081\u0082\0\0\0\0hi").expect("\u0081\u0004" + generation + " hi");
                assertThat(app.restart().moved()).isEqualTo(1);
            }
            assertThat(app.status().openRequests()).isEqualTo(1);
        }
    }

    @Test
    void shouldSpreadThemWhenAsked() throws Exception {
        app.close();
        app = Deployment.in(Files.createDirectory(directory.resolve("paced")))
                .set("moveOver", Duration.ofSeconds(2))
                .start();
        try (var load = load().start()) {
            awaitAnswers(load, 100);
            assertThat(app.restart().ok()).isTrue();
            assertThat(closed(Deployment.assertNothingLost(load))).isZero();
        }
    }

    @Test
    void shouldKeepThemWhenTheSuccessorIsKilledBeforeItHasTakenThem() throws Exception {
        try (var load = kept(50)) {
            app.next(Deed.KILL_ITSELF, Step.OFFERED);

            assertThat(app.restart().rolledBack()).isTrue();

            awaitAnswers(load, 100);
            assertThat(closed(Deployment.assertNothingLost(load))).isZero();
        }
    }

    @Test
    void shouldLoseOnlyThoseTheSuccessorHadTakenWhenItIsKilled() throws Exception {
        // The upload keeps the incumbent from having finished before the kill.
        try (var upload = app.hold();
                var load = kept(50)) {
            app.next(Deed.KILL_ITSELF, Step.TAKEN);

            assertThat(app.restart().rolledBack()).isTrue();

            upload.finish();
            awaitAnswers(load, 100);
            app.assertLostOnlyByTheKill(
                    load, app.history("fault KILL_ITSELF TAKEN").getLast().nanos());
        }
    }

    /** The successor has them in its hands, unanswered: they have no other owner any more. */
    @Test
    void shouldKeepThoseItOfferedWhenTheIncumbentIsKilled() throws Exception {
        for (var step : new Step[] {Step.OFFERED, Step.TAKEN}) {
            var incumbent = app.pid();
            try (var load = kept(50)) {
                var ready = app.history("ready").size();
                app.next(Deed.KILL_INCUMBENT, step);

                app.signal("HUP");

                await().until(() -> app.history("ready").size() > ready && app.pid() != incumbent);
                var faults = "fault KILL_INCUMBENT " + step;
                await().until(() -> !app.history(faults).isEmpty());
                awaitAnswers(load, 100);
                app.assertServedBy(app.history("ready").getLast().pid());
                var report = app.assertLostOnlyByTheKill(
                        load, app.history(faults).getLast().nanos());
                assertThat(report.generations().getLast().answers()).isPositive();
            }
            app.nextBehaves();
        }
    }

    /** Kept-alive connections alone, so that nothing but the move can lose any. */
    private Load kept(int connections) throws IOException {
        var seed = System.nanoTime();
        System.out.println("load with seed " + seed);
        var load = Load.on(app.address())
                .seed(seed)
                .limit(Duration.ofSeconds(15))
                .keepAlive(connections, Duration.ofMillis(50))
                .start();
        awaitAnswers(load, connections);
        return load;
    }

    private static long closed(Report report) {
        return report.closedWithNotice() + report.closedWithoutNotice();
    }
}

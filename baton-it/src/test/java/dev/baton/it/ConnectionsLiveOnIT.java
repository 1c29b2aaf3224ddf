package dev.baton.it;

import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.Message;
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import dev.baton.launch.ProcessStatus;
import dev.baton.load.Load;
import dev.baton.load.Report;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
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
    private static final Duration PAUSE = Duration.ofMillis(Integer.getInteger("baton.pause", 300));
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
        return app.load().keepAlive(150, PAUSE).pipeline(50, PAUSE, 4);
    }

    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS) // the long form; each restart has a limit of its own
    void shouldCloseNoConnectionHoweverOftenItIsRestarted() throws Exception {
        try (var load = load().start()) {
            awaitAnswers(load, 200);
            var used = new ArrayList<Footprint>();
            var moved = 0L;
            for (int i = 0; i < RESTARTS; i++) {
                var outcome = app.restart();
                assertThat(outcome.ok()).as("%s", outcome).isTrue();
                assertThat(outcome.moved()).isPositive();
                moved += Objects.requireNonNull(outcome.moved());
                used.add(Footprint.of(app.pid(), directory));
                if (i % 50 == 49) {
                    System.out.printf("%,d restarts, %,d moved, %s%n", i + 1, moved, used.getLast());
                }
            }
            awaitAnswers(load, 200);
            var report = Deployment.assertNothingLost(load);
            System.out.printf("%,d restarts, %,d moved, seed %d%n%s%n", RESTARTS, moved, load.seed(), report.toTable());
            assertThat(closed(report)).isZero();
            Footprint.assertNoneGrows(used);
        }
    }

    /**
     * What a generation holds right after it was started.
     *
     * @param descriptors open descriptors
     * @param polled what its epoll instances wait for
     * @param threads its threads
     * @param residentKb its memory
     * @param files what lies in the application's directory
     */
    private record Footprint(long descriptors, long polled, long threads, long residentKb, long files) {
        static Footprint of(long pid, Path directory) throws IOException {
            var process = Path.of("/proc", Long.toString(pid));
            try (var open = Files.list(process.resolve("fd"));
                    var info = Files.list(process.resolve("fdinfo"));
                    var tasks = Files.list(process.resolve("task"));
                    var files = Files.list(directory)) {
                return new Footprint(
                        open.count(),
                        info.mapToLong(Footprint::polled).sum(),
                        tasks.count(),
                        ProcessStatus.of(pid).residentKb().orElse(0),
                        files.count());
            }
        }

        private static long polled(Path info) {
            try (var lines = Files.lines(info)) {
                return lines.filter(line -> line.startsWith("tfd:")).count();
            } catch (IOException | UncheckedIOException e) {
                return 0; // closed meanwhile
            }
        }

        /** Compares what the first and the last tenth of the generations had, in the middle. */
        static void assertNoneGrows(List<Footprint> used) {
            var tenth = used.size() / 10;
            if (tenth > 0) {
                var first = used.subList(0, tenth);
                var last = used.subList(used.size() - tenth, used.size());
                System.out.printf("first %s%nlast  %s%n", median(first), median(last));
                assertThat(median(last).descriptors).isLessThanOrEqualTo(median(first).descriptors + 10);
                assertThat(median(last).polled).isLessThanOrEqualTo(median(first).polled + 10);
                assertThat(median(last).threads).isLessThanOrEqualTo(median(first).threads + 3);
                assertThat(median(last).files).isLessThanOrEqualTo(median(first).files);
                assertThat(median(last).residentKb).isLessThanOrEqualTo(median(first).residentKb * 5 / 4);
            }
        }

        private static Footprint median(List<Footprint> all) {
            return new Footprint(
                    median(all, Footprint::descriptors),
                    median(all, Footprint::polled),
                    median(all, Footprint::threads),
                    median(all, Footprint::residentKb),
                    median(all, Footprint::files));
        }

        private static long median(List<Footprint> all, ToLongFunction<Footprint> measure) {
            return all.stream()
                    .mapToLong(measure)
                    .sorted()
                    .skip(all.size() / 2)
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Also tells what that costs: what it takes more than a handover without connections. */
    @Test
    void shouldMoveAllIdleConnectionsInOneHandover() throws Exception {
        var clients = new ArrayList<ScriptedClient>();
        try {
            var bare = Handover.of(app);
            var before = Footprint.of(app.pid(), directory);
            for (int i = 0; i < IDLE; i++) {
                clients.add(app.connect());
            }
            clients.getFirst().get("/").expectAnswer(200);
            await().until(() -> app.status().openConnections() == IDLE);

            var handover = Handover.of(app);

            assertThat(handover.outcome.moved()).isEqualTo(IDLE);
            assertThat(handover.outcome.cutConnections()).isZero();
            assertThat(app.status().openConnections()).isEqualTo(IDLE);
            for (var client : clients) {
                assertThat(client.get("/").expectAnswer(200).header("X-Generation"))
                        .isEqualTo("3");
            }
            System.out.printf(
                    "moved %,d idle connections within %,d ms of the commitment; of processor time %,d ms more in the"
                            + " incumbent, %,d ms more in the successor, than without%n",
                    IDLE,
                    handover.movingMs(),
                    handover.incumbentMs - bare.incumbentMs,
                    handover.successorMs - bare.successorMs);
            for (var client : clients) {
                client.close();
            }
            await().until(() -> app.status().openConnections() == 0);
            var of = Footprint.of(app.pid(), directory);
            System.out.printf("without them %s%nafter them   %s%n", before, of);
            assertThat(of.descriptors).isLessThanOrEqualTo(before.descriptors + 10);
            assertThat(of.polled).isLessThanOrEqualTo(before.polled + 10);

            var _ = Handover.of(app);
            var next = Footprint.of(app.pid(), directory);
            System.out.printf("the next one %s%n", next);
            assertThat(next.descriptors).isLessThanOrEqualTo(before.descriptors + 10);
            assertThat(next.residentKb).isLessThanOrEqualTo(before.residentKb * 5 / 4);
        } finally {
            for (var client : clients) {
                client.close();
            }
        }
    }

    /**
     * A restart and what it took.
     *
     * @param incumbentMs the processor time the incumbent spent on it, to its end
     * @param successorMs that of the successor, from its start until the incumbent had ended
     */
    private record Handover(Message.Outcome outcome, long incumbentMs, long successorMs) {
        static Handover of(Deployment app) throws Exception {
            var incumbent = app.pid();
            var spent = Deployment.later(() -> spentUntilItsEnd(incumbent));
            var outcome = app.restart();
            assertThat(outcome.ok()).as("%s", outcome).isTrue();
            var incumbentMs = spent.get();
            return new Handover(outcome, incumbentMs, processorMs(app.pid()));
        }

        long movingMs() {
            return outcome.totalMs() - Objects.requireNonNull(outcome.servingMs()) - WATCH.toMillis();
        }

        private static long spentUntilItsEnd(long pid) {
            var first = processorMs(pid);
            for (long last = first, now = first; ; now = processorMs(pid)) {
                if (now < last) {
                    return last - first;
                }
                last = now;
                LockSupport.parkNanos(1_000_000);
            }
        }

        /** 0 when it has ended. */
        private static long processorMs(long pid) {
            return ProcessHandle.of(pid)
                    .flatMap(process -> process.info().totalCpuDuration())
                    .map(Duration::toMillis)
                    .orElse(0L);
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

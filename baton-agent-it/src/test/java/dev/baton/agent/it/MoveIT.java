package dev.baton.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.Message;
import dev.baton.load.Load;
import dev.baton.load.Outcome;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The live connections of a server that knows nothing of Baton go on in its successor. */
@Timeout(900)
class MoveIT {
    private static final int RESTARTS = Integer.getInteger("baton.restarts", 1);
    private static final int IDLE = Integer.getInteger("baton.idle", 200);
    private static final Map<String, String> MOVE = Map.of("BATON_MOVE", "on");
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String DEAD = "dead";

    @TempDir
    private Path directory;

    private Unmodified start(Map<String, String> environment, Class<?> main, String... arguments) throws IOException {
        return start("0.2", environment, main, arguments);
    }

    private Unmodified start(String watch, Map<String, String> environment, Class<?> main, String... arguments)
            throws IOException {
        return Unmodified.start(
                directory,
                "=name=app,control-socket=" + directory.resolve("app.sock") + ",shutdown-timeout=20,watch=" + watch,
                environment,
                List.of("--enable-native-access=ALL-UNNAMED"),
                main,
                arguments);
    }

    static Stream<Arguments> servers() {
        return Stream.of(
                Arguments.of(HttpServerApp.class, "selector"),
                Arguments.of(KeepAliveApp.class, "platform"),
                Arguments.of(KeepAliveApp.class, "timed"),
                Arguments.of(KeepAliveApp.class, "virtual"),
                Arguments.of(NettyApp.class, "epoll"),
                Arguments.of(ShadedNettyApp.class, "epoll"));
    }

    /** No request is lost and no connection is closed, whether it is silent, busy, or has asked again already. */
    @ParameterizedTest
    @MethodSource("servers")
    void shouldCloseNoConnectionHoweverOftenItIsRestarted(Class<?> main, String kind) throws Exception {
        try (var app = start(MOVE, main, kind)) {
            var load = Load.on(app.address())
                    .keepAlive(30, Duration.ofMillis(60))
                    .pipeline(5, Duration.ofMillis(100), 3)
                    .limit(PATIENCE)
                    .start();
            System.err.println("seed " + load.seed());
            for (int generation = 1; generation <= RESTARTS; generation++) {
                var _ = app.awaitIncumbent(generation);
                var outcome = app.restart();
                assertThat(outcome.ok()).as("%s", outcome).isTrue();
                assertThat(outcome.moved()).isEqualTo(35);
            }
            var report = load.stop();

            assertThat(report.lost()).as(report::toTable).isZero();
            assertThat(report.closedWithNotice() + report.closedWithoutNotice())
                    .as(report::toTable)
                    .isZero();
        }
    }

    /** Its next request is there before it has read an answer, which leaves no moment in which the connection rests. */
    @ParameterizedTest
    @MethodSource("servers")
    void shouldMoveAClientThatAlwaysAsks(Class<?> main, String kind) throws Exception {
        try (var app = start(MOVE, main, kind);
                var client = ScriptedClient.connect(app.address())) {
            var _ = app.awaitIncumbent(1);
            client.get("/");

            var restarted = CompletableFuture.supplyAsync(() -> restart(app));
            while (!restarted.isDone()) {
                client.get("/").expectAnswer(200);
            }

            assertThat(restarted.join().moved()).as("%s", restarted.join()).isOne();
            client.expectAnswer(200);
            client.get("/").expectAnswer(200);
        }
    }

    @Test
    void shouldMoveManyAndLeaveNoDescriptorBehind() throws Exception {
        var clients = new ArrayList<ScriptedClient>();
        try (var app = start(Map.of(), HttpServerApp.class)) {
            var _ = app.awaitIncumbent(1);
            for (int i = 0; i < IDLE; i++) {
                clients.add(ScriptedClient.connect(app.address()).get("/"));
                clients.getLast().expectAnswer(200);
            }
            var before = descriptors(app);

            var outcome = app.restart();

            assertThat(outcome.moved()).as("%s", outcome).isEqualTo(IDLE);
            for (var client : clients) {
                client.get("/").expectAnswer(200);
            }
            System.err.printf(
                    "moved %d, ready after %s ms, all over after %s ms%n", IDLE, outcome.readyMs(), outcome.totalMs());
            await().untilAsserted(() -> assertThat(descriptors(app)).isLessThan(before + 20));
        } finally {
            for (var client : clients) {
                client.close();
            }
        }
    }

    private static long descriptors(Unmodified app) throws IOException {
        var pid = Objects.requireNonNull(app.status()).pid();
        try (var all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return all.count();
        }
    }

    @Test
    void shouldTellTheAddressOfTheTrueClient() throws Exception {
        try (var app = start(MOVE, KeepAliveApp.class, "platform");
                var client = ScriptedClient.connect(app.address())) {
            var port = Integer.toString(client.localPort());
            var first = client.get("/").expectAnswer(200);
            assertThat(first.header("X-Peer-Port")).isEqualTo(port);

            var _ = app.awaitIncumbent(1);
            assertThat(app.restart().moved()).isOne();

            var second = client.get("/").expectAnswer(200);
            assertThat(second.header("X-Peer-Port")).isEqualTo(port);
            assertThat(second.header("X-Pid")).isNotEqualTo(first.header("X-Pid"));
        }
    }

    /** Each of them is in the middle of something, or of something else than HTTP/1.1. */
    @Test
    void shouldLeaveWhatCannotMoveAndMoveWhatIsBusyOnceItIsDone() throws Exception {
        try (var app = start(MOVE, KeepAliveApp.class, "platform");
                var idle = ScriptedClient.connect(app.address());
                var silent = ScriptedClient.connect(app.address());
                var half = ScriptedClient.connect(app.address());
                var slow = ScriptedClient.connect(app.address());
                var quiet = ScriptedClient.connect(app.address());
                var events = ScriptedClient.connect(app.address());
                var echo = ScriptedClient.connect(app.address())) {
            var _ = app.awaitIncumbent(1);
            var pid = Objects.requireNonNull(idle.get("/").expectAnswer(200).header("X-Pid"));
            events.get("/events").expectHead(200);
            events.expect("data: 1\n\n");
            echo.get("/echo").expectHead(101);
            echo.send("one\n").expect("one\n");
            half.send("GET / HTTP/1.1\r\nHost: a");
            slow.get("/slow?ms=4000");
            quiet.get("/quiet");

            var restarted = CompletableFuture.supplyAsync(() -> restart(app));
            await().atMost(PATIENCE).until(() -> !pid.equals(pidOf(app)));

            // The incumbent answers what it had taken, in part or whole.
            assertThat(half.send("\r\n\r\n").expectAnswer(200).header("X-Pid")).isEqualTo(pid);
            assertThat(slow.within(PATIENCE).expectAnswer(200).header("X-Pid")).isEqualTo(pid);
            assertThat(quiet.expectAnswer(200).body()).isEqualTo("firstlast");
            for (var moved : List.of(idle, silent, half, slow, quiet)) {
                // Until it rests, which is some milliseconds after its answer, it is the incumbent's.
                await().atMost(PATIENCE)
                        .pollInterval(Duration.ofMillis(50))
                        .until(() ->
                                !pid.equals(moved.get("/").expectAnswer(200).header("X-Pid")));
            }
            events.within(PATIENCE).expectEof();
            echo.within(PATIENCE).expectEof();
            assertThat(restarted.join().moved()).isEqualTo(5);
            assertThat(app.log())
                    .contains("connections that did not go to the successor:")
                    .contains("1 (a response that ends with the connection)", "1 (upgraded to another protocol)");
        }
    }

    /**
     * While connections go over one by one, the process they come from or the one they go to is killed. Each connection is then
     * either dead with it or the survivor's, and nobody is left without an answer.
     */
    @ParameterizedTest
    @ValueSource(strings = {"successor", "incumbent"})
    void shouldOwnEachConnectionOnceWhenOneIsKilledInTheMiddle(String victim) throws Exception {
        var clients = new ArrayList<ScriptedClient>();
        try (var app = start("6", Map.of("BATON_MOVE", "on", "BATON_MOVE_OVER", "4"), KeepAliveApp.class, "platform")) {
            var incumbent = Long.toString(app.awaitIncumbent(1).pid());
            for (int i = 0; i < 40; i++) {
                clients.add(ScriptedClient.connect(app.address()).within(PATIENCE));
                clients.getLast().get("/").expectAnswer(200);
            }
            var restarted = CompletableFuture.supplyAsync(() -> restart(app));
            var successor = await().atMost(PATIENCE).until(() -> pidOf(app), pid -> !pid.equals(incumbent));
            await().atMost(PATIENCE)
                    .pollInterval(Duration.ofMillis(50))
                    .until(() -> answeredBy(clients.get(15)).equals(successor)
                            || answeredBy(clients.get(30)).equals(successor));

            var survivor = victim.equals("successor") ? incumbent : successor;
            assertThat(new ProcessBuilder("kill", "-KILL", victim.equals("successor") ? successor : incumbent)
                            .start()
                            .waitFor())
                    .isZero();

            var owners = new ArrayList<String>();
            for (var client : clients) {
                owners.add(answeredBy(client));
            }
            System.err.println("killed the " + victim + "; answered " + Collections.frequency(owners, survivor)
                    + ", dead " + Collections.frequency(owners, DEAD));
            assertThat(owners).containsOnly(survivor, DEAD);
            assertThat(Collections.frequency(owners, DEAD)).isBetween(1, clients.size() - 1);
            await().atMost(PATIENCE).until(() -> pidOf(app).equals(survivor));
            if (survivor.equals(incumbent)) {
                assertThat(restarted.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).rolledBack())
                        .isTrue();
            }
        } finally {
            for (var client : clients) {
                client.close();
            }
        }
    }

    /** {@return the pid of who answers, or {@link #DEAD} when the connection has ended; to be left without either fails} */
    private static String answeredBy(ScriptedClient client) {
        try {
            return Objects.requireNonNull(client.get("/").expectAnswer(200).header("X-Pid"));
        } catch (AssertionError e) {
            assertThat(e).message().containsAnyOf("stream ended", "SocketException");
            return DEAD;
        } catch (IOException e) {
            return DEAD;
        }
    }

    /** It cannot move, and is told in the words of its protocol. Its server sees a client that leaves. */
    @Test
    void shouldTellAWebSocketThatItIsGoingAway() throws Exception {
        try (var app = start(MOVE, KeepAliveApp.class, "platform");
                var client = ScriptedClient.connect(app.address())) {
            var _ = app.awaitIncumbent(1);
            client.get("/socket").expectHead(101);
            client.expect("\u0081\u0002hi");

            var restarted = CompletableFuture.supplyAsync(() -> restart(app));

            // RFC 6455, 5.5.1 and 7.4.1: Close with 1001; the client's is masked, with zero.
            client.within(PATIENCE).expect("\u0088\u0002\u0003\u00e9");
            client.send("\u0088\u0082\0\0\0\0\u0003\u00e9").expect("\u0088\u0002\u0003\u00e8");
            client.expectEof();
            assertThat(restarted.join().ok()).isTrue();
        }
    }

    private static Message.Outcome restart(Unmodified app) {
        try {
            return app.restart();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static String pidOf(Unmodified app) {
        try (var client = ScriptedClient.connect(app.address())) {
            var answer =
                    client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").expectAnswer(200);
            return Objects.requireNonNull(answer.header("X-Pid"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The successor takes none, so each comes back to a server that never noticed, and drains there as ever. */
    @ParameterizedTest
    @MethodSource("servers")
    void shouldTakeThemBackWhenTheSuccessorDoesNotTakeThem(Class<?> main, String kind) throws Exception {
        var environment = directory.resolve("environment");
        Files.writeString(environment, "BATON_MOVE=off\n");
        try (var app =
                start(Map.of("BATON_MOVE", "on", "BATON_ENVIRONMENT_FILE", environment.toString()), main, kind)) {
            var _ = app.awaitIncumbent(1);
            var load = Load.on(app.address())
                    .keepAlive(20, Duration.ofMillis(50))
                    .limit(PATIENCE)
                    .start();
            System.err.println("seed " + load.seed());
            await().until(() -> load.snapshot().answered() > 100);

            var outcome = app.restart();

            assertThat(outcome.ok()).isTrue();
            assertThat(outcome.moved()).isZero();
            assertThat(outcome.cutRequests()).isZero();
            var report = load.stop();
            assertThat(report.failures())
                    .as(report::toTable)
                    .allMatch(failure -> failure.outcome() == Outcome.LOST_IN_CLOSE_RACE);
        }
    }
}

package dev.baton.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.load.Load;
import dev.baton.load.ScriptedClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Netty's native transports: with epoll listeners and live connections are handed over as the JDK's are, io_uring is refused. */
@Timeout(300)
class NativeTransportsIT {
    private static final int RESTARTS = Integer.getInteger("baton.restarts", 2);

    /** Long enough to be seen on a busy machine; a client that asks again at once is cut at the deadline. */
    private static final Duration PAUSE = Duration.ofMillis(300);

    private static final List<String> NATIVE = List.of("--enable-native-access=ALL-UNNAMED");

    @TempDir
    private Path directory;

    /** On a Netty of the usual name and on one that was relocated; with buffers known by their address and without. */
    static Stream<Arguments> nettys() {
        return Stream.of(
                Arguments.of(NettyApp.class, "epoll"),
                Arguments.of(NettyApp.class, "buffers"),
                Arguments.of(ShadedNettyApp.class, "epoll"));
    }

    @ParameterizedTest
    @MethodSource("nettys")
    void shouldLoseNothingAndCloseNothingOnEpoll(Class<?> main, String kind) throws Exception {
        try (var app = Unmodified.start(directory, NATIVE, main, kind)) {
            var load = Load.on(app.address())
                    .newConnections(100)
                    .keepAlive(4, Duration.ofMillis(50))
                    .slow(2, PAUSE, Duration.ofSeconds(2))
                    .limit(Duration.ofSeconds(60))
                    .start();
            System.err.println(main.getSimpleName() + ", seed " + load.seed());
            for (int generation = 1; generation <= RESTARTS; generation++) {
                app.restartBySignal(generation);
            }
            var report = load.stop();

            assertThat(report.lost()).as(report::toTable).isZero();
            assertThat(report.closedWithNotice() + report.closedWithoutNotice())
                    .as(report::toTable)
                    .isZero();
            assertThat(report.answered()).isGreaterThan(1000);
        }
    }

    @ParameterizedTest
    @MethodSource("nettys")
    void shouldTellTheSuccessorTheAddressOfTheTrueClient(Class<?> main, String kind) throws Exception {
        try (var app = Unmodified.start(directory, NATIVE, main, kind);
                var client = ScriptedClient.connect(app.address())) {
            var port = Integer.toString(client.localPort());
            var first = client.get("/").expectAnswer(200);
            assertThat(first.header("X-Peer-Port")).isEqualTo(port);

            var _ = app.awaitIncumbent(1);
            assertThat(app.restart().moved()).isOne();

            var second = client.get("/").expectAnswer(200);
            assertThat(second.header("X-Peer-Port")).isEqualTo(port);
            assertThat(second.header("X-Peer")).isEqualTo("127.0.0.1");
            assertThat(second.header("X-Pid")).isNotEqualTo(first.header("X-Pid"));
        }
    }

    /** Nothing is known of what went over it since. */
    @Test
    void shouldDrainAConnectionThatWasSentAFileByTheKernel() throws Exception {
        try (var app = Unmodified.start(directory, NATIVE, NettyApp.class, "epoll");
                var client = ScriptedClient.connect(app.address());
                var other = ScriptedClient.connect(app.address())) {
            client.get("/file").expectAnswer(200);
            other.get("/").expectAnswer(200);

            var _ = app.awaitIncumbent(1);
            var outcome = app.restart();

            assertThat(outcome.moved()).isOne();
            client.expectEof();
            other.get("/").expectAnswer(200);
        }
    }

    @Test
    void shouldDrainWhereNothingIsToMove() throws Exception {
        try (var app = Unmodified.start(
                        directory,
                        "=name=app,control-socket=" + directory.resolve("app.sock") + ",shutdown-timeout=20,move=off",
                        NATIVE,
                        NettyApp.class,
                        "epoll");
                var client = ScriptedClient.connect(app.address())) {
            client.get("/").expectAnswer(200);

            var _ = app.awaitIncumbent(1);
            var outcome = app.restart();

            assertThat(outcome.ok()).isTrue();
            assertThat(outcome.moved()).isZero();
            client.expectEof();
        }
    }

    @Test
    void shouldRefuseARestartOfIoUringBeforeAnythingIsStarted() throws Exception {
        try (var app = Unmodified.start(directory, NATIVE, NettyApp.class, "io_uring")) {
            var pid = app.awaitIncumbent(1).pid();

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).contains("io_uring").contains("let it use epoll or NIO");
            assertThat(outcome.toPid()).isNull();
            assertThat(app.awaitIncumbent(1).pid()).isEqualTo(pid);
            assertThat(app.answers()).isTrue();
        }
    }
}

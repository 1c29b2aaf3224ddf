package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.load.Load;
import dev.baton.load.Mode;
import dev.baton.load.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Netty's native transports: epoll is handed over like a listener of the JDK's, io_uring is refused. */
@Timeout(300)
class NativeTransportsIT {
    private static final int RESTARTS = Integer.getInteger("baton.restarts", 2);
    private static final Duration TAKEN = Duration.ofSeconds(1);

    /** Long enough to be seen on a busy machine; a client that asks again at once is cut at the deadline. */
    private static final Duration PAUSE = Duration.ofMillis(300);

    private static final List<String> NATIVE = List.of("--enable-native-access=ALL-UNNAMED");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(classes = {NettyApp.class, ShadedNettyApp.class})
    void shouldLoseNoNewConnectionAndNoRequestInFlightOnEpoll(Class<?> main) throws Exception {
        try (var app = Unmodified.start(directory, NATIVE, main, "epoll")) {
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

            // As in UnmodifiedIT: a request may cross the close of a silent connection.
            assertThat(report.failures())
                    .as(report::toTable)
                    .allMatch(failure -> failure.outcome() == Outcome.LOST_IN_CLOSE_RACE
                            && (failure.mode() == Mode.KEEP_ALIVE
                                    || failure.waited().compareTo(TAKEN) < 0));
            assertThat(report.answered()).isGreaterThan(1000);
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

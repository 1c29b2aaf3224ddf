package dev.baton.examples.servers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.agent.it.Unmodified;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Servers that people use are restarted without their clients noticing. What it finds out about a server is left as its row
 * in {@code target/rows}; see {@link Table}.
 */
@Timeout(1800)
class ServersIT {
    private static final int RESTARTS = Integer.getInteger("baton.restarts", 1);
    private static final Duration LIMIT = Duration.ofSeconds(90);

    @TempDir
    private Path directory;

    /** All of them, or those whose names match {@code baton.servers}. */
    static Stream<Server> servers() {
        return Arrays.stream(Server.values())
                .filter(server -> server.name().matches(System.getProperty("baton.servers", ".*")));
    }

    @ParameterizedTest
    @MethodSource("servers")
    @Execution(ExecutionMode.CONCURRENT)
    void shouldLoseNoNewConnectionAndNoRequestInFlight(Server server) throws Exception {
        try (var app = Unmodified.start(directory, List.of(), server::command)) {
            var _ = app.awaitIncumbent(1);
            if (server.isRefused()) {
                var outcome = app.restart();

                assertThat(outcome.ok()).isFalse();
                assertThat(app.answers()).isTrue();
                Table.leave(server, Objects.requireNonNull(outcome.reason()));
                return;
            }
            try (var clients = server.clients(app.address())) {
                for (int generation = 1; generation <= RESTARTS; generation++) {
                    clients.beforeRestart();
                    restart(app, generation);
                    clients.afterRestart();
                }
                var seen = clients.stop();

                System.err.println(server + "\n" + seen.details());
                assertThat(seen.failedNew()).as(seen::details).isZero();
                assertThat(seen.lostInFlight()).as(seen::details).isZero();
                assertThat(seen.requests()).isGreaterThan(100L * RESTARTS);
                Table.leave(server, RESTARTS, seen);
            }
        } catch (Throwable e) {
            System.err.println(server + " wrote\n" + Files.readString(directory.resolve("app.log")));
            throw e;
        }
    }

    private static void restart(Unmodified app, int generation) throws IOException {
        var incumbent = app.awaitIncumbent(generation).pid();
        var outcome = app.restart();

        assertThat(outcome.ok())
                .as(() -> Objects.requireNonNull(outcome.reason()))
                .isTrue();
        assertThat(outcome.cutRequests()).isZero();
        var _ = app.awaitIncumbent(generation + 1);
        await("pid " + incumbent + " has ended")
                .atMost(LIMIT)
                .until(() -> ProcessHandle.of(incumbent).isEmpty());
    }

    @AfterAll
    static void writeTheDocumentIfAsked() throws IOException {
        if (Boolean.getBoolean("baton.table")) {
            Table.write();
        }
    }

    @Test
    void shouldHaveARowOfEachServerInTheDocument() throws IOException {
        assertThat(Table.document()).contains(Table.beginnings());
    }
}

package dev.baton.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.load.Keys;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes below TLS cannot move, and is told of its close by the next answer, however that is cut into records. */
@Timeout(300)
class BelowTlsIT {
    private static final int CLIENTS = 6;
    /** More than there are places at which an answer is cut. */
    private static final int AFTERWARDS = 80;

    private static final Duration PAUSE = Duration.ofMillis(200);
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"https", "socket", "records"})
    void shouldAnnounceTheClose(String kind) throws Exception {
        var keys = Keys.in(directory);
        try (var app = Unmodified.start(
                        directory,
                        Map.of("BATON_MOVE", "on"),
                        List.of(),
                        port -> List.of(
                                "-cp",
                                Unmodified.classPath(),
                                TlsApp.class.getName(),
                                Integer.toString(port),
                                keys.file().toString(),
                                kind));
                var threads =
                        Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            var _ = app.awaitIncumbent(1);
            var clients = new ArrayList<Callable<Integer>>();
            for (int i = 0; i < CLIENTS; i++) {
                var client =
                        ScriptedClient.secured(app.address(), keys.trusted()).within(LIMIT);
                int atOnce = 1 + i % 2;
                clients.add(() -> untilTold(client, atOnce));
            }
            var told = clients.stream().map(threads::submit).toList();

            assertThat(app.restart().ok()).isTrue();

            for (var answers : told) {
                assertThat(answers.get()).isPositive();
            }
            assertThat(app.log()).doesNotContain("cannot be announced");
        }
    }

    /**
     * Asks until an answer announces the close; only the last of those asked for at once may. The server does not know what was
     * said, and goes on to answer.
     *
     * @return how many answers came
     */
    private static int untilTold(ScriptedClient client, int atOnce) throws IOException {
        try (client) {
            for (int answers = atOnce; ; answers += atOnce) {
                client.send(REQUEST.repeat(atOnce));
                for (int i = 1; i < atOnce; i++) {
                    assertThat(client.expectAnswer(200).header("Connection")).isNotEqualTo("close");
                }
                var last = client.expectAnswer(200);
                assertThat(last.body()).isEqualTo("Hello, world!\n");
                if (Objects.equals(last.header("Connection"), "close")) {
                    for (int i = 0; i < AFTERWARDS; i++) {
                        var answer = client.send(REQUEST).expectAnswer(200);
                        assertThat(answer.header("Connection"))
                                .as("%s, which is number %d", answer, answers + i)
                                .isEqualTo("close");
                        assertThat(answer.body()).isEqualTo(last.body());
                    }
                    return answers;
                }
                LockSupport.parkNanos(PAUSE.toNanos());
            }
        }
    }
}

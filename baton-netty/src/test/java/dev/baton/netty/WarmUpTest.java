package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.baton.Baton;
import dev.baton.Open;
import dev.baton.load.Keys;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A successor asks itself before it is ready, and nothing of it is left. */
@Timeout(60)
class WarmUpTest {
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());

    @TempDir
    private Path directory;

    private HttpServer.Builder builder() {
        return HttpServer.builder(request -> {
            asked.add(request.target());
            return Response.text("Hello, world!\n");
        });
    }

    private static void start(HttpServer server, Baton baton, boolean nativeTransport) throws Exception {
        try (var listener = TestListener.tcp(nativeTransport)) {
            server.start(baton, listener);

            await().untilAsserted(() -> assertThat(server.open()).isEqualTo(Open.NOTHING));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldAskASuccessorBeforeItIsReady(boolean nativeTransport) throws Exception {
        var server = builder()
                .nativeTransport(nativeTransport)
                .warmUp("/some?more", 7)
                .build();

        start(server, TestBaton.successor(), nativeTransport);

        assertThat(asked).hasSize(7).containsOnly("/some?more");
        assertThat(server.answers(200)).isEqualTo(7);
    }

    @Test
    void shouldAskThroughTls() throws Exception {
        var keys = Keys.in(directory);

        start(builder().tls(keys.certificate(), keys.key()).warmUp("/", 3).build(), TestBaton.successor(), true);

        assertThat(asked).hasSize(3);
    }

    @Test
    void shouldNotKeepTheFirstGenerationFromItsClients() throws Exception {
        start(builder().warmUp("/", 7).build(), TestBaton.baton(), true);

        assertThat(asked).isEmpty();
    }

    @Test
    void shouldServeWhateverComesOfIt() throws Exception {
        var server = HttpServer.builder(request -> {
                    throw new IllegalStateException("not today");
                })
                .warmUp("/", 3)
                .build();

        start(server, TestBaton.successor(), true);

        assertThat(server.answers(500)).isEqualTo(3);
    }

    @Test
    void shouldRefuseWhatIsNoPathAndNoNumber() {
        assertThatThrownBy(() -> builder().warmUp("x y", 1)).hasMessageContaining("'x y'");
        assertThatThrownBy(() -> builder().warmUp("/", 0)).hasMessageContaining("is 0");
    }
}

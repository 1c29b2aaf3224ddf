package dev.baton.netty;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.baton.Baton;
import dev.baton.Open;
import dev.baton.load.Keys;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
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
    void shouldServeNobodyElseMeanwhile() throws Exception {
        var strangers = Collections.synchronizedList(new ArrayList<String>());
        var server = HttpServer.builder(request -> {
                    asked.add(request.target());
                    for (var port : ownPorts()) {
                        strangers.add(answer(port));
                    }
                    return Response.text("Hello, world!\n");
                })
                .warmUp("/", 3)
                .build();

        start(server, TestBaton.successor(), true);

        assertThat(asked).hasSize(3);
        assertThat(strangers).hasSizeGreaterThanOrEqualTo(3).containsOnly("");
    }

    /** {@return what an own port answers to a request, nothing also when it refuses or does not accept} */
    private static String answer(int port) {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(200);
            socket.getOutputStream().write("GET /stranger HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(US_ASCII));
            return new String(socket.getInputStream().readNBytes(12), US_ASCII);
        } catch (IOException e) {
            return "";
        }
    }

    /** {@return the ports of 127.0.0.1 at which this process listens} */
    private static List<Integer> ownPorts() throws IOException {
        var own = new HashSet<String>();
        try (var descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var descriptor : descriptors) {
                try {
                    own.add(Files.readSymbolicLink(descriptor).toString());
                } catch (NoSuchFileException e) {
                    // that of the directory itself
                }
            }
        }
        var sockets = new ArrayList<>(Files.readAllLines(Path.of("/proc/self/net/tcp")));
        sockets.addAll(Files.readAllLines(Path.of("/proc/self/net/tcp6")));
        return sockets.stream()
                .map(line -> line.strip().split(" +"))
                .filter(field -> field[1].contains("0100007F:") && field[3].equals("0A"))
                .filter(field -> own.contains("socket:[" + field[9] + "]"))
                .map(field -> Integer.parseInt(field[1].substring(field[1].indexOf(':') + 1), 16))
                .toList();
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

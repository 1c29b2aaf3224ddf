package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class LimitsTest {
    private static HttpServer.Builder reading() {
        return HttpServer.builder(r -> Response.text(r.body().readAllBytes().length + " bytes"));
    }

    private static void assertRefused(int status, HttpServer.Builder builder, String request) throws Exception {
        try (var running = Running.on(builder);
                var wire = running.connect()) {
            var answer = wire.send(request).receive();
            assertThat(answer.status()).isEqualTo(status);
            assertThat(answer.header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
            assertThat(running.server.answers(status)).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "400, nonsense\\r\\n\\r\\n",
        "400, GET / HTTP/1.1\\r\\n\\r\\n",
        "400, GET / HTTP/1.1\\r\\nHost: a\\r\\nHost: b\\r\\n\\r\\n",
        "400, GET / HTTP/1.1\\r\\nHost: a\\r\\nBad name: b\\r\\n\\r\\n",
        "400, GET /%zz HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
        "400, POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: x\\r\\n\\r\\n",
        "400, POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n",
        "400, POST / HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: gzip\\r\\n\\r\\n",
        "400, POST / HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nxyz\\r\\n",
        "505, GET / HTTP/2.0\\r\\nHost: a\\r\\n\\r\\n",
    })
    void shouldRefuseWhatIsMalformed(int status, String request) throws Exception {
        assertRefused(status, reading(), request.replace("\\r\\n", "\r\n"));
    }

    @Test
    void shouldRefuseARequestLineThatIsTooLong() throws Exception {
        assertRefused(414, reading().maxHead(256), "GET /" + "a".repeat(300) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    }

    @Test
    void shouldRefuseHeaderFieldsThatAreTooLong() throws Exception {
        assertRefused(431, reading().maxHead(256), "GET / HTTP/1.1\r\nHost: h\r\nX: " + "a".repeat(300) + "\r\n\r\n");
    }

    @Test
    void shouldRefuseTooManyHeaderFields() throws Exception {
        assertRefused(431, reading().maxFields(10), "GET / HTTP/1.1\r\nHost: h\r\n" + "X: y\r\n".repeat(10) + "\r\n");
    }

    @Test
    void shouldRefuseAnAnnouncedBodyThatIsTooLong() throws Exception {
        assertRefused(
                413, reading().maxBody(10), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world");
    }

    @Test
    void shouldRefuseABodyThatTurnsOutTooLong() throws Exception {
        try (var running = Running.on(reading().maxBody(10));
                var wire = running.connect()) {
            wire.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
            assertThat(wire.receive().status()).isEqualTo(413);
        }
    }

    @Test
    void shouldTellAClientThatItsHeadCameTooLate() throws Exception {
        assertRefused(408, reading().headerTimeout(Duration.ofMillis(100)), "GET / HTTP/1.1\r\nHost");
    }

    @Test
    void shouldTellAClientThatItsBodyCameTooLate() throws Exception {
        assertRefused(
                408,
                reading().idleTimeout(Duration.ofMillis(100)),
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    }

    @Test
    void shouldCloseAnIdleConnectionAfterItsTime() throws Exception {
        try (var running = Running.on(reading().idleTimeout(Duration.ofMillis(100)));
                var fresh = running.connect();
                var used = running.connect()) {
            assertThat(used.get("/").receive().status()).isEqualTo(200);
            assertThat(used.isEnded()).isTrue();
            assertThat(fresh.isEnded()).isTrue();
        }
    }

    @Test
    void shouldCutAClientThatTakesNothing() throws Exception {
        try (var running = Running.on(
                        HttpServer.builder(r -> Response.bytes("application/octet-stream", new byte[50 << 20]))
                                .idleTimeout(Duration.ofMillis(200)));
                var wire = running.connect()) {
            wire.get("/");
            await().until(() -> running.server.answers(200) == 1);
            await().until(() -> running.server.open().connections() == 0);
            assertThat(wire.isCut()).isTrue();
        }
    }

    @Test
    void shouldRefuseNonsenseAtOnceWithBothValues() {
        assertThatThrownBy(() -> reading().maxHead(1)).hasMessage("maxHead is 1, must be 256 to 1048576");
        assertThatThrownBy(() -> reading().idleTimeout(Duration.ZERO))
                .hasMessage("idleTimeout is PT0S, must be 1 ms to PT24H");
        assertThatThrownBy(() -> Response.text("x").header("a b", "c")).hasMessageContaining("'a b'");
        assertThatThrownBy(() -> Response.text("x").header("a", "b\r\nc: d")).hasMessageContaining("forbidden");
        assertThatThrownBy(() -> Response.of(99)).hasMessage("status is 99, must be 200 to 599");
    }

    @Test
    void shouldSayWhichFileOfTheCertificateIsMissing() throws Exception {
        try (var listener = TestListener.tcp(true)) {
            var server = reading().tls(Path.of("no.pem"), Path.of("no.key")).build();
            assertThatThrownBy(() -> server.start(TestBaton.baton(), listener))
                    .hasMessageContaining("no.pem does not exist");
        }
    }
}

package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.load.Keys;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class Http2Test {
    private static final int LARGE = 16 << 20;

    @TempDir
    private static Path dir;

    private static Path certificate;
    private static Path key;
    private static SSLContext trusted;

    private final Deadline deadline = Deadline.after(Duration.ofSeconds(50));

    @BeforeAll
    static void makeKeys() throws Exception {
        var keys = Keys.in(dir);
        certificate = keys.certificate();
        key = keys.key();
        trusted = keys.trusted();
    }

    private static HttpServer.Builder secure(Handler handler) {
        return HttpServer.builder(handler).tls(certificate, key);
    }

    private static HttpClient client() {
        return HttpClient.newBuilder()
                .sslContext(trusted)
                .version(HttpClient.Version.HTTP_2)
                .build();
    }

    private static HttpRequest.Builder request(Running running, String path) {
        return HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + running.listener.port() + path))
                .timeout(Duration.ofSeconds(50));
    }

    private static Wire tls(Running running, String... protocols) throws Exception {
        var socket = (SSLSocket) trusted.getSocketFactory().createSocket("127.0.0.1", running.listener.port());
        var parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(protocols);
        socket.setSSLParameters(parameters);
        return new Wire(socket);
    }

    @Test
    void shouldServeHttp2ToAClientThatWantsIt() throws Exception {
        try (var running = Running.on(secure(r -> Response.text("%s %s %s %s"
                        .formatted(
                                r.protocol(),
                                r.path(),
                                r.isSecure(),
                                r.headers().first("Host").isPresent()))));
                var client = client()) {
            var answer = client.send(request(running, "/a?b=c").build(), BodyHandlers.ofString());
            assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
            assertThat(answer.body()).isEqualTo("HTTP/2 /a true true");
            assertThat(answer.headers().firstValue("date")).isPresent();
            assertThat(running.server.open().connections()).isEqualTo(1);
        }
    }

    @Test
    void shouldServeHttp11OverTlsToAClientThatKnowsNothingElse() throws Exception {
        try (var running = Running.on(secure(r -> Response.text(r.protocol() + " " + r.isSecure())));
                var wire = tls(running)) {
            assertThat(wire.get("/").get("/").receive().body()).isEqualTo("HTTP/1.1 true");
            assertThat(wire.receive().body()).isEqualTo("HTTP/1.1 true");
            var drained = running.drain(deadline);
            assertThat(wire.get("/").receive().header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldStreamBothWaysAndHoldBack() throws Exception {
        var written = new AtomicLong();
        try (var running = Running.on(secure(r -> {
                    if (r.method().equals("POST")) {
                        return Response.text("" + r.body().transferTo(OutputStream.nullOutputStream()));
                    }
                    return Response.stream("text/plain", LARGE, out -> {
                        var piece = new byte[1 << 16];
                        for (; written.get() < LARGE; written.addAndGet(piece.length)) {
                            out.write(piece);
                        }
                    });
                }));
                var client = client()) {
            var up = client.send(
                    request(running, "/")
                            .POST(BodyPublishers.ofByteArray(new byte[LARGE]))
                            .build(),
                    BodyHandlers.ofString());
            assertThat(up.body()).isEqualTo("" + LARGE);
            HttpResponse<InputStream> down = client.send(request(running, "/").build(), BodyHandlers.ofInputStream());
            try (var body = down.body()) {
                body.readNBytes(1000);
                assertThat(written.get()).isLessThan(LARGE);
                body.skipNBytes(LARGE - 1000);
            }
            assertThat(written.get()).isEqualTo(LARGE);
        }
    }

    @Test
    void shouldSendNoBodyToHead() throws Exception {
        try (var running = Running.on(secure(r -> Response.text("hello")));
                var client = client()) {
            var answer = client.send(request(running, "/").HEAD().build(), BodyHandlers.ofString());
            assertThat(answer.headers().firstValue("content-length")).hasValue("5");
            assertThat(answer.body()).isEmpty();
        }
    }

    @Test
    void shouldRefuseABodyThatIsTooLong() throws Exception {
        try (var running = Running.on(secure(r -> Response.text("?")).maxBody(10));
                var client = client()) {
            var answer = client.send(
                    request(running, "/")
                            .POST(BodyPublishers.ofString("hello world"))
                            .build(),
                    BodyHandlers.ofString());
            assertThat(answer.statusCode()).isEqualTo(413);
        }
    }

    @Test
    void shouldNotUpgradeOverHttp2() throws Exception {
        try (var running = Running.on(secure(r -> Response.webSocket(socket -> {})));
                var client = client()) {
            assertThat(client.send(request(running, "/").build(), BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(501);
        }
    }

    @Test
    void shouldResetAStreamThatBreaksOffAndServeTheOthers() throws Exception {
        try (var running = Running.on(secure(r -> r.path().equals("/ok")
                        ? Response.text("ok")
                        : Response.stream("text/plain", out -> {
                            out.write('x');
                            out.flush();
                            throw new IllegalStateException("the test wants it");
                        })));
                var client = client()) {
            var broken = client.sendAsync(request(running, "/broken").build(), BodyHandlers.ofString())
                    .handle((answer, failure) -> failure != null);
            assertThat(broken.join()).isTrue();
            assertThat(client.send(request(running, "/ok").build(), BodyHandlers.ofString())
                            .body())
                    .isEqualTo("ok");
            assertThat(running.server.open().connections()).isEqualTo(1);
        }
    }

    @Test
    void shouldSayGoodbyeAndFinishAllStreams() throws Exception {
        var go = new CountDownLatch(1);
        try (var running = Running.on(secure(r -> {
                    if (!r.path().equals("/quick")) {
                        go.await();
                    }
                    return Response.text(r.path());
                }));
                var client = client()) {
            client.send(request(running, "/quick").build(), BodyHandlers.ofString());
            var answers = new ArrayList<CompletableFuture<HttpResponse<String>>>();
            for (var i = 0; i < 50; i++) {
                answers.add(client.sendAsync(request(running, "/" + i).build(), BodyHandlers.ofString()));
            }
            Awaitility.await().until(() -> running.server.open().requests() == 50);
            var drained = running.drain(deadline);
            go.countDown();
            for (var i = 0; i < 50; i++) {
                assertThat(answers.get(i).join().body()).isEqualTo("/" + i);
            }
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    /** Frame by frame, since only so a stream can begin between the two steps. */
    @Test
    void shouldServeAStreamThatBeganBeforeTheClientKnew() throws Exception {
        var go = new CountDownLatch(1);
        try (var running = Running.on(secure(r -> {
                    go.await();
                    return Response.text("served");
                }));
                var wire = tls(running, "h2")) {
            wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            frame(wire, 4, 0, 0);
            frame(wire, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);
            assertThat(awaitFrame(wire, 6).payload()).endsWith(7);
            var drained = running.drain(deadline);
            var first = awaitFrame(wire, 7);
            assertThat(first.lastStream()).isEqualTo(Integer.MAX_VALUE);
            var ping = awaitFrame(wire, 6);

            frame(wire, 1, 0x05, 1, 0x82, 0x84, 0x87, 0x01, 1, 'h');
            frame(wire, 6, 1, 0, ping.bytes());

            assertThat(awaitFrame(wire, 7).lastStream()).isEqualTo(1);
            go.countDown();
            var body = awaitFrame(wire, 0);
            assertThat(new String(body.payload(), StandardCharsets.US_ASCII)).isEqualTo("served");
            assertThat(wire.isCut()).isTrue();
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Frame(int type, byte[] payload) {
        int lastStream() {
            return ByteBuffer.wrap(payload).getInt();
        }

        int[] bytes() {
            return IntStream.range(0, payload.length)
                    .map(i -> payload[i] & 0xFF)
                    .toArray();
        }
    }

    private static void frame(Wire wire, int type, int flags, int stream, int... payload) throws IOException {
        var frame = new ByteArrayOutputStream();
        for (var b : new int[] {0, 0, payload.length, type, flags, 0, 0, 0, stream}) {
            frame.write(b);
        }
        for (var b : payload) {
            frame.write(b);
        }
        wire.out.write(frame.toByteArray());
    }

    private static Frame awaitFrame(Wire wire, int type) throws IOException {
        while (true) {
            var head = wire.in.readNBytes(9);
            if (head.length < 9) {
                throw new EOFException("no frame of type " + type);
            }
            var payload = wire.in.readNBytes(ByteBuffer.wrap(head).getInt() >>> 8);
            if (head[3] == type) {
                return new Frame(type, payload);
            }
        }
    }

    @Test
    void shouldCloseAnIdleConnectionAfterSayingGoodbye() throws Exception {
        try (var running = Running.on(secure(r -> Response.text("x")));
                var client = client()) {
            client.send(request(running, "/").build(), BodyHandlers.ofString());
            assertThat(running.drain(deadline).join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldCountTheStreamsItCuts() throws Exception {
        var go = new CountDownLatch(1);
        try (var running = Running.on(secure(r -> {
                    go.await();
                    return Response.text("x");
                }));
                var client = client()) {
            var first = client.sendAsync(request(running, "/").build(), BodyHandlers.ofString());
            Awaitility.await().until(() -> running.server.open().requests() == 1);
            var drained = running.drain(deadline);
            deadline.bringForward();
            assertThat(drained.join()).isEqualTo(new Drained(0, 0, 1));
            assertThat(first.handle((answer, failure) -> failure != null).join())
                    .isTrue();
            go.countDown();
        }
    }
}

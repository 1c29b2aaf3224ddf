package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class Http1Test {
    private static final int LARGE = 50 << 20;
    private static final int ABSORBED_BY_KERNEL = 25 << 20;

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldAnswerRequestAfterRequestOnOneConnection(boolean nativeTransport) throws Exception {
        try (var running = Running.on(
                        HttpServer.builder(r -> Response.text(r.method() + " " + r.path())), nativeTransport);
                var wire = running.connect()) {
            for (var i = 0; i < 3; i++) {
                var answer = wire.get("/" + i).receive();
                assertThat(answer.status()).isEqualTo(200);
                assertThat(answer.body()).isEqualTo("GET /" + i);
                assertThat(answer.header("content-type")).isEqualTo("text/plain; charset=utf-8");
                assertThat(answer.header("date")).endsWith(" GMT").hasSize(29);
                assertThat(answer.headers()).doesNotContainKey("connection");
            }
            assertThat(running.server.open().connections()).isEqualTo(1);
            assertThat(running.server.answers(200)).isEqualTo(3);
        }
    }

    @Test
    void shouldAnswerPipelinedRequestsInOrderAndOneAtATime() throws Exception {
        var first = new CountDownLatch(1);
        var underWay = new AtomicInteger();
        var most = new AtomicInteger();
        try (var running = Running.on(request -> {
                    most.accumulateAndGet(underWay.incrementAndGet(), Math::max);
                    if (request.path().equals("/0")) {
                        first.await();
                    }
                    underWay.decrementAndGet();
                    return Response.text(request.path());
                });
                var wire = running.connect()) {
            for (var i = 0; i < 200; i++) {
                wire.get("/" + i);
            }
            await().until(() -> running.server.open().requests() == 1);
            first.countDown();
            for (var i = 0; i < 200; i++) {
                assertThat(wire.receive().body()).isEqualTo("/" + i);
            }
            assertThat(most).hasValue(1);
        }
    }

    @Test
    void shouldAnswerAllThatWasAskedBeforeTheClientEndedItsSide() throws Exception {
        try (var running = Running.on(request -> Response.text(request.path()));
                var wire = running.connect()) {
            wire.get("/1").get("/2").get("/3").socket.shutdownOutput();
            assertThat(wire.receive().body()).isEqualTo("/1");
            assertThat(wire.receive().body()).isEqualTo("/2");
            assertThat(wire.receive().body()).isEqualTo("/3");
            assertThat(wire.isEnded()).isTrue();
        }
    }

    @Test
    void shouldTellAHandlerWhatWasAsked() throws Exception {
        try (var running = Running.on(r -> Response.text("%s|%s|%s|%s|%s|%s|%s"
                        .formatted(
                                r.target(),
                                r.path(),
                                r.query("q").orElse("-"),
                                r.queries("n"),
                                r.headers().first("x-THING").orElse("-"),
                                r.protocol(),
                                r.isSecure())));
                var wire = running.connect()) {
            wire.send("GET /a%20b?q=c+d&n=1&n=2 HTTP/1.1\r\nHost: h\r\nX-Thing: t\r\n\r\n");
            assertThat(wire.receive().body()).isEqualTo("/a%20b?q=c+d&n=1&n=2|/a b|c d|[1, 2]|t|HTTP/1.1|false");
            wire.send("GET http://h/p HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(wire.receive().body()).startsWith("http://h/p|/p|-");
        }
    }

    @Test
    void shouldKeepAnOldClientOnlyWhenItAsks() throws Exception {
        try (var running = Running.on(r -> Response.stream("text/plain", out -> {
            out.write('a');
            out.flush();
            out.write('b');
        }))) {
            try (var wire = running.connect()) {
                wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
                var head = wire.head();
                assertThat(head.header("connection")).isEqualTo("close");
                assertThat(head.headers()).doesNotContainKey("transfer-encoding");
                assertThat(wire.bytes(2)).isEqualTo("ab");
                assertThat(wire.isEnded()).isTrue();
            }
        }
        try (var running = Running.on(r -> Response.text("x"));
                var wire = running.connect()) {
            wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
            assertThat(wire.receive().header("connection")).isEqualTo("keep-alive");
            wire.send("GET / HTTP/1.0\r\n\r\n");
            assertThat(wire.receive().header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
        }
    }

    @Test
    void shouldSendNoBodyWhereThereMustBeNone() throws Exception {
        var bodies = Map.of(
                "/text", Response.text("hello"),
                "/stream", Response.stream("text/plain", 7, out -> out.write(new byte[7])),
                "/204", Response.text("no").status(204),
                "/304", Response.text("no").status(304));
        try (var running = Running.on(r -> bodies.getOrDefault(r.path(), Response.of(404)));
                var wire = running.connect()) {
            wire.send("HEAD /text HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
            assertThat(wire.receive(false).header("content-length")).isEqualTo("5");
            assertThat(wire.receive(false).header("content-length")).isEqualTo("7");
            wire.get("/204").get("/304").get("/text");
            var none = wire.receive(false);
            assertThat(none.status()).isEqualTo(204);
            assertThat(none.headers()).doesNotContainKey("content-length");
            assertThat(wire.receive(false).status()).isEqualTo(304);
            assertThat(wire.receive().body()).isEqualTo("hello");
        }
    }

    @Test
    void shouldLetAWaitingClientGoOnWhenTheBodyIsRead() throws Exception {
        try (var running = Running.on(r -> Response.bytes("text/plain", r.body().readAllBytes()));
                var wire = running.connect()) {
            wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
            assertThat(wire.head().status()).isEqualTo(100);
            assertThat(wire.send("hello").receive().body()).isEqualTo("hello");
            assertThat(wire.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n")
                            .receive()
                            .status())
                    .isEqualTo(417);
        }
    }

    @Test
    void shouldNotAskForABodyNobodyReads() throws Exception {
        try (var running = Running.on(r -> Response.of(403));
                var wire = running.connect()) {
            wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
            var answer = wire.receive();
            assertThat(answer.status()).isEqualTo(403);
            assertThat(answer.header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
        }
    }

    @Test
    void shouldSkipASmallBodyNobodyReads() throws Exception {
        try (var running = Running.on(r -> Response.text(r.path()));
                var wire = running.connect()) {
            wire.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
            assertThat(wire.receive().body()).isEqualTo("/1");
            assertThat(wire.send("hello").get("/2").receive().body()).isEqualTo("/2");
            wire.send("POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
            assertThat(wire.receive().headers()).doesNotContainKey("connection");
            assertThat(wire.get("/4").receive().body()).isEqualTo("/4");
        }
    }

    @Test
    void shouldNotLetAnUnreadUploadDestroyTheAnswer() throws Exception {
        try (var running = Running.on(r -> Response.text("no, thank you").status(403));
                var wire = running.connect()) {
            wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + LARGE + "\r\n\r\n");
            var answer = wire.receive();
            wire.out.write(new byte[8 << 20]);
            assertThat(answer.body()).isEqualTo("no, thank you");
            assertThat(answer.header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
        }
    }

    @Test
    void shouldTakeAndGiveChunks() throws Exception {
        try (var running = Running.on(r -> {
                    var body = r.body().readAllBytes();
                    return Response.stream("text/plain", out -> {
                        out.write(body);
                        out.flush();
                        out.write('!');
                    });
                });
                var wire = running.connect()) {
            wire.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            wire.send("6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n");
            var answer = wire.receive();
            assertThat(answer.header("transfer-encoding")).isEqualTo("chunked");
            assertThat(answer.body()).isEqualTo("hello world!");
            assertThat(wire.get("/").receive().body()).isEqualTo("!");
        }
    }

    @Test
    void shouldSayTheLengthOfAShortStream() throws Exception {
        try (var running = Running.on(r -> Response.stream("text/plain", out -> out.write(new byte[100])));
                var wire = running.connect()) {
            assertThat(wire.get("/").receive().header("content-length")).isEqualTo("100");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldHoldBackALargeUploadUntilItIsRead(boolean nativeTransport) throws Exception {
        var read = new CountDownLatch(1);
        var seed = new Random().nextLong();
        System.out.println("seed " + seed);
        try (var running = Running.on(
                        HttpServer.builder(r -> {
                            read.await();
                            var crc = new CRC32();
                            var buffer = new byte[10_000];
                            for (var n = r.body().read(buffer);
                                    n >= 0;
                                    n = r.body().read(buffer)) {
                                crc.update(buffer, 0, n);
                            }
                            return Response.text(Long.toString(crc.getValue()));
                        }),
                        nativeTransport);
                var wire = running.connect()) {
            var sent = new AtomicLong();
            var crc = new CRC32();
            wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + LARGE + "\r\n\r\n");
            var writer = Thread.ofVirtual().start(() -> {
                var random = new Random(seed);
                var piece = new byte[1 << 16];
                try {
                    while (sent.get() < LARGE) {
                        random.nextBytes(piece);
                        crc.update(piece);
                        wire.out.write(piece);
                        sent.addAndGet(piece.length);
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            awaitStandstill(sent);
            assertThat(sent.get()).isLessThan(ABSORBED_BY_KERNEL);
            read.countDown();
            var answer = wire.receive();
            writer.join();
            assertThat(answer.body()).isEqualTo(Long.toString(crc.getValue()));
        }
    }

    @Test
    void shouldHoldBackALargeDownloadUntilItIsTaken() throws Exception {
        var written = new AtomicLong();
        try (var running = Running.on(r -> Response.stream("text/plain", LARGE, out -> {
                    var piece = new byte[1 << 16];
                    for (; written.get() < LARGE; written.addAndGet(piece.length)) {
                        out.write(piece);
                    }
                }));
                var wire = running.connect()) {
            wire.get("/");
            awaitStandstill(written);
            assertThat(written.get()).isLessThan(ABSORBED_BY_KERNEL);
            assertThat(wire.head().header("content-length")).isEqualTo("" + LARGE);
            wire.in.skipNBytes(LARGE);
            assertThat(written.get()).isEqualTo(LARGE);
        }
    }

    private static void awaitStandstill(AtomicLong count) {
        var last = new AtomicLong(-1);
        await().pollInterval(Duration.ofMillis(300))
                .atMost(Duration.ofSeconds(30))
                .until(() -> count.get() > 0 && last.getAndSet(count.get()) == count.get());
    }

    @Test
    void shouldAnswer500WhenAHandlerFails() throws Exception {
        try (var running = Running.on(r -> {
                    throw new IllegalStateException("the test wants it");
                });
                var wire = running.connect()) {
            assertThat(wire.get("/").receive().status()).isEqualTo(500);
            assertThat(wire.get("/").receive().status()).isEqualTo(500);
        }
    }

    @Test
    void shouldNotPassOffAPartForTheWhole() throws Exception {
        try (var running = Running.on(r -> Response.stream("text/plain", out -> {
                    out.write(new byte[10]);
                    out.flush();
                    throw new IllegalStateException("the test wants it");
                }));
                var wire = running.connect()) {
            assertThat(wire.get("/").head().status()).isEqualTo(200);
            assertThat(wire.isCut()).isTrue();
        }
        try (var running = Running.on(r -> Response.stream("text/plain", 10, out -> out.write(new byte[9])));
                var wire = running.connect()) {
            assertThat(wire.get("/").receive().status()).isEqualTo(500);
        }
    }

    @Test
    void shouldTellAHandlerThatTheClientGaveUpInMidBody() throws Exception {
        var told = new CountDownLatch(1);
        try (var running = Running.on(r -> {
            try {
                r.body().readAllBytes();
            } catch (IOException e) {
                told.countDown();
                throw e;
            }
            return Response.text("?");
        })) {
            try (var wire = running.connect()) {
                wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
                await().until(() -> running.server.open().requests() == 1);
            }
            told.await();
            await().until(() -> running.server.open().requests() == 0);
        }
    }

    @Test
    void shouldLetTheApplicationChangeEveryAnswer() throws Exception {
        try (var running = Running.on(
                        HttpServer.builder(r -> Response.text("x")).everyAnswer(a -> a.header("Server", "test")));
                var wire = running.connect()) {
            assertThat(wire.get("/").receive().header("server")).isEqualTo("test");
            assertThat(wire.send("nonsense\r\n\r\n").receive().header("server")).isEqualTo("test");
        }
    }

    @Test
    void shouldSpeakARawProtocolAfterAnUpgrade() throws Exception {
        try (var running = Running.on(r -> Response.upgrade("shout", raw -> {
                    for (var b = raw.in().read(); b >= 0; b = raw.in().read()) {
                        raw.out().write(Character.toUpperCase(b));
                        raw.out().flush();
                    }
                }));
                var wire = running.connect()) {
            wire.send("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\nGET me");
            var head = wire.head();
            assertThat(head.status()).isEqualTo(101);
            assertThat(head.header("upgrade")).isEqualTo("shout");
            assertThat(wire.bytes(6)).isEqualTo("GET ME");
            assertThat(wire.send("more").bytes(4)).isEqualTo("MORE");
            wire.socket.shutdownOutput();
            assertThat(wire.isEnded()).isTrue();
        }
    }

    @Test
    void shouldNotUpgradeUnasked() throws Exception {
        try (var running = Running.on(r -> Response.upgrade("shout", raw -> {}));
                var wire = running.connect()) {
            var answer = wire.get("/").receive();
            assertThat(answer.status()).isEqualTo(426);
            assertThat(answer.header("upgrade")).isEqualTo("shout");
        }
    }

    @Test
    void shouldServeOnAUnixSocketAndLeaveItsPathAlone(@TempDir Path dir) throws Exception {
        var path = dir.resolve("http.sock");
        try (var listener = TestListener.unix(path)) {
            var server = HttpServer.of(r -> Response.text("from " + r.remote()));
            TestBaton.serve(server, listener);
            try (var channel = SocketChannel.open(listener.address())) {
                channel.write(
                        StandardCharsets.US_ASCII.encode("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
                var answer = new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.US_ASCII);
                assertThat(answer).startsWith("HTTP/1.1 200 OK\r\n").endsWith("from ");
            }
            server.drain(Deadline.after(Duration.ofSeconds(10)));
            assertThat(path).exists();
        }
    }
}

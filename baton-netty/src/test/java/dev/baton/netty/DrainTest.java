package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Open;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DrainTest {
    private final Deadline deadline = Deadline.after(Duration.ofSeconds(50));
    private final CountDownLatch go = new CountDownLatch(1);
    private final Handler waiting = request -> {
        go.await();
        return Response.text("done");
    };

    private static void awaitRequests(Running running, int count) {
        await().until(() -> running.server.open().requests() == count);
    }

    private static void awaitConnections(Running running, int count) {
        await().until(() -> running.server.open().connections() == count);
    }

    @Test
    void shouldEndAtOnceWhenNothingIsOpen() throws Exception {
        try (var running = Running.on(waiting)) {
            assertThat(running.drain(deadline).join()).isEqualTo(Drained.NOTHING);
            assertThat(running.server.open()).isEqualTo(Open.NOTHING);
        }
    }

    @Test
    void shouldFinishARequestInFlightAndAnnounceTheClose() throws Exception {
        try (var running = Running.on(waiting);
                var wire = running.connect()) {
            wire.get("/");
            awaitRequests(running, 1);
            assertThat(running.server.open().oldest()).isPositive();
            var drained = running.drain(deadline);
            go.countDown();
            var answer = wire.receive();
            assertThat(answer.body()).isEqualTo("done");
            assertThat(answer.header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldServeTheNextRequestOfAnIdleConnectionInsteadOfClosingIt() throws Exception {
        go.countDown();
        try (var running = Running.on(waiting);
                var wire = running.connect()) {
            assertThat(wire.get("/").receive().headers()).doesNotContainKey("connection");
            var drained = running.drain(deadline);
            var answer = wire.get("/").receive();
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldServeTheFirstRequestOfAConnectionThatWasJustAccepted() throws Exception {
        go.countDown();
        try (var running = Running.on(waiting);
                var wire = running.connect()) {
            awaitConnections(running, 1);
            var drained = running.drain(deadline);
            assertThat(wire.get("/").receive().header("connection")).isEqualTo("close");
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldServeARequestWhoseFirstBytesHaveArrived() throws Exception {
        go.countDown();
        try (var running = Running.on(waiting);
                var wire = running.connect()) {
            wire.send("GET / HT");
            awaitConnections(running, 1);
            var drained = running.drain(deadline);
            var answer = wire.send("TP/1.1\r\nHost: h\r\n\r\n").receive();
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.header("connection")).isEqualTo("close");
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldNotLetPipelinedRequestsDestroyTheLastAnswer() throws Exception {
        try (var running = Running.on(waiting);
                var wire = running.connect()) {
            wire.get("/1");
            awaitRequests(running, 1);
            var drained = running.drain(deadline);
            for (var i = 0; i < 1000; i++) {
                wire.get("/unanswered");
            }
            go.countDown();
            var answer = wire.receive();
            assertThat(answer.body()).isEqualTo("done");
            assertThat(answer.header("connection")).isEqualTo("close");
            assertThat(wire.isEnded()).isTrue();
            wire.hangUp();
            assertThat(drained.join().cutRequests()).isZero();
        }
    }

    @Test
    void shouldLetASlowUploadAndASlowDownloadFinish() throws Exception {
        try (var running = Running.on(request -> {
                    var body = request.body().readAllBytes();
                    return Response.stream("text/plain", out -> {
                        out.write(body);
                        out.flush();
                        go.await();
                        out.write('!');
                    });
                });
                var up = running.connect();
                var down = running.connect()) {
            up.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
            down.get("/down").send("");
            awaitRequests(running, 2);
            var drained = running.drain(deadline);
            up.send("def");
            go.countDown();
            var uploaded = up.receive();
            assertThat(uploaded.body()).isEqualTo("abcdef!");
            assertThat(uploaded.header("connection")).isEqualTo("close");
            var downloaded = down.receive();
            assertThat(downloaded.body()).isEqualTo("!");
            if (!downloaded.header("connection").equals("close")) {
                assertThat(down.get("/").receive().header("connection")).isEqualTo("close");
            }
            assertThat(down.isEnded()).isTrue();
            up.hangUp();
            down.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(2, 0, 0));
        }
    }

    @Test
    void shouldLetTheIdleTimeOutRunWhileDraining() throws Exception {
        try (var running = Running.on(HttpServer.builder(waiting).idleTimeout(Duration.ofMillis(300)));
                var wire = running.connect()) {
            awaitConnections(running, 1);
            var drained = running.drain(deadline);
            assertThat(wire.isEnded()).isTrue();
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldCutTheRestAtTheDeadlineAndCountIdleConnectionsAndRequestsApart() throws Exception {
        try (var running = Running.on(waiting);
                var idle1 = running.connect();
                var idle2 = running.connect();
                var busy = running.connect();
                var half = running.connect()) {
            busy.get("/");
            half.send("GET / HT");
            awaitRequests(running, 1);
            awaitConnections(running, 4);
            var drained = running.drain(deadline);
            deadline.bringForward();
            assertThat(drained.join().cutConnections() + drained.join().cutRequests())
                    .isEqualTo(4);
            assertThat(drained.join().cutRequests()).isBetween(1, 2);
            assertThat(idle1.isCut()).isTrue();
            assertThat(idle2.isCut()).isTrue();
            assertThat(busy.isCut()).isTrue();
            assertThat(half.isCut()).isTrue();
            go.countDown();
        }
    }

    @Test
    void shouldTellAnUpgradedConnectionAndCutItAtTheDeadline() throws Exception {
        var told = new CompletableFuture<Void>();
        try (var running = Running.on(request -> Response.upgrade("echo", raw -> {
                    raw.onDrain(() -> told.complete(null));
                    raw.in().transferTo(raw.out());
                }));
                var wire = running.connect()) {
            wire.send("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
            assertThat(wire.head().status()).isEqualTo(101);
            var drained = running.drain(deadline);
            told.join();
            deadline.bringForward();
            assertThat(drained.join()).isEqualTo(new Drained(0, 0, 1));
            assertThat(wire.isCut()).isTrue();
        }
    }

    @Test
    void shouldTellAHandlerThatWouldLastForever() throws Exception {
        try (var running = Running.on(request -> Response.stream("text/event-stream", out -> {
                    while (!request.isDraining()) {
                        out.write("data: x\n\n".getBytes(StandardCharsets.US_ASCII));
                        out.flush();
                    }
                }));
                var wire = running.connect()) {
            wire.get("/");
            awaitRequests(running, 1);
            var drained = running.drain(deadline);
            assertThat(wire.receive().body()).endsWith("data: x\n\n");
            assertThat(wire.get("/").receive().header("connection")).isEqualTo("close");
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }
}

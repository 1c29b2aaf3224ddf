package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Generations of servers on one listening socket, under load. */
@Timeout(120)
class HandoverTest {
    private static final int GENERATIONS = 8;
    private static final int CLIENTS = 8;
    private static final int REQUESTS_EACH = 500;

    private final AtomicLong answered = new AtomicLong();
    private final AtomicLong connections = new AtomicLong();
    private final AtomicBoolean more = new AtomicBoolean(true);
    private final Queue<Exception> losses = new ConcurrentLinkedQueue<>();

    @Test
    void shouldNotLoseARequestBetweenGenerations() throws Exception {
        try (var listener = TestListener.tcp(true)) {
            var incumbent = started(listener);
            var clients = new ArrayList<Thread>();
            for (var i = 0; i < CLIENTS; i++) {
                clients.add(Thread.ofPlatform().start(() -> ask(listener)));
            }
            for (var generation = 1; generation <= GENERATIONS; generation++) {
                var goal = (long) generation * REQUESTS_EACH;
                await().until(() -> answered.get() >= goal || !losses.isEmpty());
                var successor = started(listener);
                incumbent.pause();
                var drained = incumbent.drain(Deadline.after(Duration.ofSeconds(30)));
                assertThat(drained.cutRequests()).isZero();
                assertThat(drained.cutConnections()).isZero();
                incumbent = successor;
            }
            more.set(false);
            for (var client : clients) {
                client.join();
            }
            incumbent.drain(Deadline.after(Duration.ZERO));
            System.out.printf("%d answers over %d connections%n", answered.get(), connections.get());
            assertThat(losses).isEmpty();
        }
    }

    private static HttpServer started(TestListener listener) throws Exception {
        var server = HttpServer.of(
                request -> Response.bytes("text/plain", request.body().readAllBytes()));
        TestBaton.serve(server, listener);
        return server;
    }

    /** Goes on over one connection until told that it closes, or for ten requests. */
    private void ask(TestListener listener) {
        while (more.get()) {
            try (var wire = new Wire(listener.port())) {
                connections.incrementAndGet();
                for (var i = 0; i < 10; i++) {
                    wire.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
                    var answer = wire.receive();
                    assertThat(answer.body()).isEqualTo("hello");
                    answered.incrementAndGet();
                    if (answer.header("connection").equals("close")) {
                        break;
                    }
                }
            } catch (IOException e) {
                losses.add(e);
            }
        }
    }
}

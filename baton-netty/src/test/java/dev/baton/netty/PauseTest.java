package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class PauseTest {
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldLeaveWhatArrivesInTheBacklogUntilResumed(boolean nativeTransport) throws Exception {
        try (var running = Running.on(HttpServer.builder(r -> Response.text("x")), nativeTransport);
                var before = running.connect()) {
            assertThat(before.get("/").receive().status()).isEqualTo(200);
            running.server.pause();
            try (var waiting1 = running.connect().get("/");
                    var waiting2 = running.connect().get("/")) {
                assertThat(before.get("/").receive().headers()).doesNotContainKey("connection");
                assertThat(running.server.open().connections()).isEqualTo(1);
                running.server.resume();
                assertThat(waiting1.receive().status()).isEqualTo(200);
                assertThat(waiting2.receive().status()).isEqualTo(200);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldNotAcceptOneMoreOnceThePauseHasReturned(boolean nativeTransport) throws Exception {
        try (var running =
                Running.on(HttpServer.builder(r -> Response.text("x")).eventLoops(2), nativeTransport)) {
            var wires = new ConcurrentLinkedQueue<Wire>();
            for (var round = 0; round < 30; round++) {
                var crowd = Thread.ofVirtual().start(() -> connect(running, wires, 10));
                running.server.pause();
                var accepted = running.server.open().connections();
                crowd.join();
                connect(running, wires, 3);
                assertThat(running.server.open().connections()).isEqualTo(accepted);
                running.server.resume();
                await().until(() -> running.server.open().connections() == wires.size());
            }
            for (var wire : wires) {
                assertThat(wire.get("/").receive().status()).isEqualTo(200);
                wire.close();
            }
        }
    }

    private static void connect(Running running, Collection<Wire> wires, int count) {
        try {
            for (var i = 0; i < count; i++) {
                wires.add(running.connect());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void shouldLeaveTheBacklogToASuccessorOnTheSameSocket() throws Exception {
        try (var running = Running.on(r -> Response.text("old"))) {
            running.server.pause();
            try (var wire = running.connect().get("/")) {
                var successor = HttpServer.of(r -> Response.text("new"));
                TestBaton.serve(successor, running.listener);
                assertThat(wire.receive().body()).isEqualTo("new");
                running.drain(Deadline.after(Duration.ofSeconds(10))).join();
                assertThat(wire.get("/").receive().body()).isEqualTo("new");
                try (var another = running.connect()) {
                    assertThat(another.get("/").receive().body()).isEqualTo("new");
                }
                successor.drain(Deadline.after(Duration.ZERO));
            }
        }
    }
}

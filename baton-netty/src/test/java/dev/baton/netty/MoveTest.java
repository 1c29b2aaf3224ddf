package dev.baton.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.LiveConnection;
import dev.baton.Passage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Live connections go from one server to the next, byte for byte. */
@Timeout(60)
class MoveTest {
    private final Deadline deadline = Deadline.after(Duration.ofSeconds(50));
    private final CountDownLatch go = new CountDownLatch(1);
    private Running old;
    private Running next;

    @BeforeEach
    void start() throws Exception {
        old = Running.on(echo("old"));
        next = Running.on(echo("next"));
    }

    @AfterEach
    void end() throws Exception {
        go.countDown();
        old.close();
        next.close();
    }

    private HttpServer.Builder echo(String name) {
        return HttpServer.builder(request -> {
                    if (request.path().equals("/wait")) {
                        go.await();
                    }
                    var body = new String(request.body().readAllBytes(), StandardCharsets.US_ASCII);
                    return Response.text(request.path() + " " + body);
                })
                .everyAnswer(answer -> answer.header("x-server", name));
    }

    /** Leads to the other server of this process, as the real one leads to another process. */
    static class Way implements Passage {
        final HttpServer to;
        final List<LiveConnection> given = new CopyOnWriteArrayList<>();
        volatile boolean open = true;

        Way(HttpServer to) {
            this.to = to;
        }

        @Override
        public boolean isOpen() {
            return open;
        }

        @Override
        public Duration pace() {
            return Duration.ZERO;
        }

        @Override
        public void give(LiveConnection connection, Consumer<Boolean> settled) {
            given.add(connection);
            boolean wanted = to.canAdopt(connection);
            if (wanted) {
                to.adopt(new LiveConnection(
                        connection.listener(),
                        connection.protocol(),
                        connection.idleLeft(),
                        connection.unread(),
                        connection.state(),
                        TestListener.duplicate(connection.descriptor())));
            }
            settled.accept(wanted);
        }
    }

    @Test
    void shouldGoOnInTheSuccessorAsIfNothingHadHappened() throws Exception {
        try (var wire = old.connect()) {
            assertThat(wire.get("/1").receive().header("x-server")).isEqualTo("old");
            var way = new Way(next.server);

            assertThat(old.drain(deadline, way).join()).isEqualTo(new Drained(0, 0, 0, 1));

            for (int i = 0; i < 3; i++) {
                var answer = wire.get("/" + i).receive();
                assertThat(answer.header("x-server")).isEqualTo("next");
                assertThat(answer.headers()).doesNotContainKey("connection");
            }
            assertThat(next.server.open().connections()).isEqualTo(1);
            assertThat(way.given.getFirst().idleLeft()).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(60));
        }
    }

    @Test
    void shouldLoseNoByteWhereverTheMoveFallsBetweenTwoRequests() throws Exception {
        var first = "POST /first HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
        var second =
                "\r\nPOST /second HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nyo\r\n0\r\n\r\n";
        var all = first + second;
        var wires = new ArrayList<Wire>();
        try {
            for (int split = 0; split <= all.length(); split++) {
                wires.add(old.connect().send(all.substring(0, split)));
            }
            // Every loop has seen what was sent before it answers this.
            for (int i = 0; i < 20; i++) {
                try (var later = old.connect()) {
                    assertThat(later.get("/later").receive().status()).isEqualTo(200);
                }
            }

            await().until(() -> old.server.open().connections() == all.length() + 1);

            var drained = old.drain(deadline, new Way(next.server));

            for (int split = 0; split <= all.length(); split++) {
                var wire = wires.get(split).send(all.substring(split)).get("/third");
                assertThat(wire.receive().body()).as("split at %d", split).isEqualTo("/first hello");
                assertThat(wire.receive().body()).as("split at %d", split).isEqualTo("/second yo");
                var last = wire.receive();
                assertThat(last.body()).as("split at %d", split).isEqualTo("/third ");
                assertThat(last.header("x-server")).isEqualTo("next");
            }
            assertThat(drained.join().moved()).isEqualTo(all.length() + 1);
        } finally {
            for (var wire : wires) {
                wire.close();
            }
        }
    }

    @Test
    void shouldMoveWhatHasBytesOfAHeadAndTakeThemAlong() throws Exception {
        try (var wire = old.connect()) {
            wire.send("GET /half HTTP/1.1\r\nHost: te");
            await().until(() -> old.server.open().connections() == 1);
            try (var other = old.connect()) {
                other.get("/").receive();
            }
            await().until(() -> old.server.open().connections() == 1);
            var way = new Way(next.server);
            assertThat(old.drain(deadline, way).join().moved()).isEqualTo(1);
            wire.send("st\r\n\r\n");
            assertThat(wire.receive().header("x-server")).isEqualTo("next");
        }
    }

    @Test
    void shouldFinishWhatItHasBegunBeforeItGoes() throws Exception {
        try (var wire = old.connect()) {
            wire.get("/wait").get("/behind");
            await().until(() -> old.server.open().requests() == 1);
            var drained = old.drain(deadline, new Way(next.server));
            assertThat(drained).isNotDone();
            go.countDown();
            var answer = wire.receive();
            assertThat(answer.header("x-server")).isEqualTo("old");
            assertThat(answer.headers()).doesNotContainKey("connection");
            assertThat(wire.receive().header("x-server")).isEqualTo("next");
            assertThat(drained.join()).isEqualTo(new Drained(0, 0, 0, 1));
        }
    }

    @Test
    void shouldAnswerFirstWhatIsTooMuchToTravel() throws Exception {
        int count = 2_000;
        try (var wire = old.connect()) {
            wire.get("/wait");
            await().until(() -> old.server.open().requests() == 1);
            var sender = Thread.startVirtualThread(() -> {
                try {
                    for (int i = 0; i < count; i++) {
                        wire.get("/" + i);
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            var drained = old.drain(deadline, new Way(next.server));
            go.countDown();
            wire.receive();
            for (int i = 0; i < count; i++) {
                assertThat(wire.receive().body()).isEqualTo("/" + i + " ");
            }
            sender.join();
            assertThat(drained.join()).isEqualTo(new Drained(0, 0, 0, 1));
        }
    }

    /** The successor stands still, say: nothing says that the way is closed. */
    @Test
    void shouldAnnounceTheCloseShortlyBeforeTheDeadlineThoughTheWayIsOpen() throws Exception {
        try (var wire = old.connect()) {
            wire.get("/wait");
            await().until(() -> old.server.open().requests() == 1);

            var drained = old.drain(Deadline.after(Duration.ofMillis(1500)), new Way(next.server));
            go.countDown();

            assertThat(wire.receive().header("connection")).isEqualTo("close");
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldDrainAsEverWhatTheSuccessorDoesNotTake() throws Exception {
        next.drain(deadline).join();
        try (var wire = old.connect()) {
            wire.get("/").receive();
            var way = new Way(next.server);
            var drained = old.drain(deadline, way);
            await().until(() -> !way.given.isEmpty());
            var answer = wire.get("/").receive();
            assertThat(answer.header("x-server")).isEqualTo("old");
            assertThat(answer.header("connection")).isEqualTo("close");
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldGoOnWhereItIsWhenTheDrainIsCalledOffMeanwhile() throws Exception {
        try (var wire = old.connect()) {
            wire.get("/").receive();
            var unsettled = new CopyOnWriteArrayList<Consumer<Boolean>>();
            var way = new Way(next.server) {
                @Override
                public void give(LiveConnection connection, Consumer<Boolean> settled) {
                    unsettled.add(settled);
                }
            };
            var drained = old.drain(deadline, way);
            await().until(() -> unsettled.size() == 1);
            wire.get("/meanwhile");
            old.server.resume();
            unsettled.getFirst().accept(false);
            var answer = wire.receive();
            assertThat(answer.header("x-server")).isEqualTo("old");
            assertThat(answer.headers()).doesNotContainKey("connection");
            assertThat(drained.join()).isEqualTo(Drained.NOTHING);
        }
    }
}

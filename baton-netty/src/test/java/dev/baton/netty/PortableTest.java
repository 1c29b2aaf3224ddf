package dev.baton.netty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.netty.MoveTest.Way;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Conversations go on in the next server with the state their owners supply. */
@Timeout(60)
class PortableTest {
    private final Deadline deadline = Deadline.after(Duration.ofSeconds(50));
    private Running old;
    private Running next;

    @BeforeEach
    void start() throws Exception {
        old = Running.on(server("old", true));
        next = Running.on(server("next", true));
    }

    @AfterEach
    void end() throws Exception {
        old.close();
        next.close();
    }

    private static HttpServer.Builder server(String name, boolean takesOver) {
        var builder = HttpServer.builder(request -> request.path().equals("/ws")
                ? Response.webSocket(new Tally(name, 0))
                : Response.upgrade("tally", new Lines(name, new byte[] {0})));
        return takesOver
                ? builder.takeOverWebSocket("tally", state -> new Tally(name, state[0]))
                        .takeOverRaw("tally", state -> new Lines(name, state))
                : builder;
    }

    /** Numbers the messages. */
    private static final class Tally implements WebSocketHandler, Portable {
        private final String server;
        private int count;

        Tally(String server, int count) {
            this.server = server;
            this.count = count;
        }

        @Override
        public void converse(WebSocket socket) throws IOException {
            for (var message : socket) {
                count++;
                socket.send(server + " " + count + " " + ((WebSocket.Text) message).text());
            }
        }

        @Override
        public String kind() {
            return "tally";
        }

        @Override
        public byte[] handOver() {
            return new byte[] {(byte) count};
        }
    }

    /** Numbers the lines; the state is the number and what came of a line so far. */
    private static final class Lines implements RawHandler, Portable {
        private final String server;
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();
        private int count;

        Lines(String server, byte[] state) {
            this.server = server;
            this.count = state[0];
            line.write(state, 1, state.length - 1);
        }

        @Override
        public void converse(RawConnection connection) throws IOException {
            for (int b = connection.in().read(); b >= 0; b = connection.in().read()) {
                line.write(b);
                if (b == '\n') {
                    count++;
                    connection.out().write((server + " " + count + " " + line).getBytes(UTF_8));
                    connection.out().flush();
                    line.reset();
                }
            }
        }

        @Override
        public String kind() {
            return "tally";
        }

        @Override
        public byte[] handOver() {
            var state = new ByteArrayOutputStream();
            state.write(count);
            state.writeBytes(line.toByteArray());
            return state.toByteArray();
        }
    }

    private static Wire open(Running server, String path, String protocol) throws IOException {
        var wire = server.connect();
        for (var line : List.of(
                "GET " + path + " HTTP/1.1",
                "Host: h",
                "Connection: Upgrade",
                "Upgrade: " + protocol,
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "")) {
            wire.send(line + "\r\n");
        }
        assertThat(wire.head().status()).isEqualTo(101);
        return wire;
    }

    private static String frame(String text, boolean first, boolean last) {
        return (char) ((last ? 0x80 : 0) | (first ? 1 : 0)) + "" + (char) (0x80 | text.length()) + "\0\0\0\0" + text;
    }

    private static String text(String text) {
        return frame(text, true, true);
    }

    private static String receive(Wire wire) throws IOException {
        assertThat(wire.in.read()).isEqualTo(0x81);
        return new String(wire.in.readNBytes(wire.in.read()), ISO_8859_1);
    }

    @Test
    void shouldGoOnWithAWebSocketWhereverAFrameIsSplit() throws Exception {
        var frame = text("hello");
        var wires = new ArrayList<Wire>();
        try {
            for (int split = 0; split <= frame.length(); split++) {
                var wire = open(old, "/ws", "websocket");
                wires.add(wire.send(text("a")));
                assertThat(receive(wire)).isEqualTo("old 1 a");
                wire.send(frame.substring(0, split));
            }

            var drained = old.drain(deadline, new Way(next.server));

            for (int split = 0; split <= frame.length(); split++) {
                var wire = wires.get(split).send(frame.substring(split));
                assertThat(receive(wire)).as("split at %d", split).endsWith(" 2 hello");
                assertThat(receive(wire.send(text("z")))).endsWith(" 3 z");
            }
            assertThat(drained.join()).isEqualTo(new Drained(0, 0, 0, frame.length() + 1));
            for (var wire : wires) {
                assertThat(receive(wire.send(text("z")))).isEqualTo("next 4 z");
            }
            assertThat(next.server.open().requests()).isEqualTo(frame.length() + 1);
        } finally {
            for (var wire : wires) {
                wire.close();
            }
        }
        await().until(() -> next.server.open().requests() == 0);
    }

    @Test
    void shouldFinishAMessageThatCameInPartBeforeItGoes() throws Exception {
        try (var wire = open(old, "/ws", "websocket")) {
            wire.send(text("a") + frame("be", true, false));
            assertThat(receive(wire)).isEqualTo("old 1 a");

            var drained = old.drain(deadline, new Way(next.server));

            assertThat(drained).isNotDone();
            wire.send(frame("gun", false, true));
            assertThat(receive(wire)).isEqualTo("old 2 begun");
            assertThat(drained.join().moved()).isEqualTo(1);
            assertThat(receive(wire.send(text("b")))).isEqualTo("next 3 b");
        }
    }

    @Test
    void shouldGoOnWithAnUpgradedConnectionWhereverALineIsSplit() throws Exception {
        var line = "hello\n";
        var wires = new ArrayList<Wire>();
        try {
            for (int split = 0; split <= line.length(); split++) {
                var wire = open(old, "/raw", "tally").send("a\n");
                wires.add(wire);
                assertThat(wire.line()).isEqualTo("old 1 a");
                wire.send(line.substring(0, split));
            }

            assertThat(old.drain(deadline, new Way(next.server)).join().moved()).isEqualTo(line.length() + 1);

            for (int split = 0; split <= line.length(); split++) {
                var wire = wires.get(split).send(line.substring(split));
                assertThat(wire.line()).as("split at %d", split).endsWith(" 2 hello");
                assertThat(wire.send("z\n").line()).isEqualTo("next 3 z");
            }
        } finally {
            for (var wire : wires) {
                wire.close();
            }
        }
    }

    @Test
    void shouldTakeOverItselfAndSayGoodbyeWhereTheSuccessorDoesNotKnowHow() throws Exception {
        next.close();
        next = Running.on(server("next", false));
        try (var socket = open(old, "/ws", "websocket");
                var raw = open(old, "/raw", "tally")) {
            assertThat(receive(socket.send(text("a")))).isEqualTo("old 1 a");
            raw.send("hel");

            var drained = old.drain(deadline, new Way(next.server));

            assertThat(socket.in.readNBytes(4)).startsWith(0x88).endsWith(1001 >> 8, 1001 & 0xFF);
            assertThat(raw.send("lo\n").line()).isEqualTo("old 1 hello");
            socket.hangUp();
            raw.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(2, 0, 0));
        }
    }
}

package dev.baton.netty;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.Deadline;
import dev.baton.Drained;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WebSocketTest {
    private static final Deadline LATER = Deadline.after(Duration.ofSeconds(30));

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Frame(int opcode, byte[] payload) {
        String text() {
            return new String(payload, UTF_8);
        }

        int closeCode() {
            return ((payload[0] & 0xFF) << 8) | (payload[1] & 0xFF);
        }
    }

    private static final Handler ECHO = request -> Response.webSocket(socket -> {
        for (var message : socket) {
            switch (message) {
                case WebSocket.Text(var text) -> socket.send(text);
                case WebSocket.Binary(var bytes) -> socket.send(bytes);
            }
        }
    });

    private static Wire open(Running running) throws IOException {
        var wire = running.connect();
        var request = """
                GET /chat HTTP/1.1
                Host: h
                Upgrade: websocket
                Connection: Upgrade
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
                Sec-WebSocket-Version: 13

                """;
        wire.send(request.replace("\n", "\r\n"));
        var head = wire.head();
        assertThat(head.status()).isEqualTo(101);
        assertThat(head.header("sec-websocket-accept")).isEqualTo("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        return wire;
    }

    private static void send(Wire wire, boolean last, int opcode, byte... payload) throws IOException {
        var frame = new ByteArrayOutputStream();
        frame.write((last ? 0x80 : 0) | opcode);
        if (payload.length < 126) {
            frame.write(0x80 | payload.length);
        } else {
            frame.write(0x80 | 126);
            frame.write(payload.length >> 8);
            frame.write(payload.length & 0xFF);
        }
        frame.writeBytes(new byte[4]);
        frame.writeBytes(payload);
        wire.out.write(frame.toByteArray());
    }

    private static Frame receive(Wire wire) throws IOException {
        var opcode = wire.in.read() & 0x0F;
        var length = wire.in.read();
        if (length == 126) {
            length = (wire.in.read() << 8) | wire.in.read();
        }
        return new Frame(opcode, wire.in.readNBytes(length));
    }

    @Test
    void shouldConverse() throws Exception {
        try (var running = Running.on(ECHO);
                var wire = open(running)) {
            send(wire, true, 1, "grüß dich".getBytes(UTF_8));
            assertThat(receive(wire).text()).isEqualTo("grüß dich");
            send(wire, true, 2, new byte[] {1, 2, 3});
            assertThat(receive(wire).payload()).containsExactly(1, 2, 3);
        }
    }

    @Test
    void shouldPutFragmentsTogetherAndAnswerPingsBetweenThem() throws Exception {
        try (var running = Running.on(ECHO);
                var wire = open(running)) {
            send(wire, false, 1, "one ".getBytes(UTF_8));
            send(wire, true, 9, "ping".getBytes(UTF_8));
            send(wire, true, 0, "two".getBytes(UTF_8));
            var pong = receive(wire);
            assertThat(pong.opcode()).isEqualTo(10);
            assertThat(pong.text()).isEqualTo("ping");
            assertThat(receive(wire).text()).isEqualTo("one two");
        }
    }

    @Test
    void shouldAnswerTheClientsCloseAndEndTheIteration() throws Exception {
        var code = new CompletableFuture<Integer>();
        try (var running = Running.on(request -> Response.webSocket(socket -> {
                    socket.forEach(message -> {});
                    code.complete(socket.closeCode());
                    assertThatThrownBy(() -> socket.send("late")).isInstanceOf(IOException.class);
                }));
                var wire = open(running)) {
            send(wire, true, 8, (byte) (3000 >> 8), (byte) 3000);
            assertThat(receive(wire).closeCode()).isEqualTo(3000);
            assertThat(wire.isEnded()).isTrue();
            assertThat(code.join()).isEqualTo(3000);
        }
    }

    @Test
    void shouldCloseWhenTheHandlerReturns() throws Exception {
        try (var running = Running.on(request -> Response.webSocket(socket -> socket.send("bye")));
                var wire = open(running)) {
            assertThat(receive(wire).text()).isEqualTo("bye");
            assertThat(receive(wire).closeCode()).isEqualTo(1000);
            send(wire, true, 8, (byte) (1000 >> 8), (byte) 1000);
            assertThat(wire.isEnded()).isTrue();
        }
    }

    @Test
    void shouldRefuseAMessageThatIsTooLongInAllItsFragments() throws Exception {
        try (var running = Running.on(HttpServer.builder(ECHO).maxWebSocketMessage(1000));
                var wire = open(running)) {
            send(wire, false, 1, new byte[600]);
            send(wire, true, 0, new byte[600]);
            var close = receive(wire);
            assertThat(close.opcode()).isEqualTo(8);
            assertThat(close.closeCode()).isEqualTo(1009);
        }
    }

    @Test
    void shouldNotUpgradeUnasked() throws Exception {
        try (var running = Running.on(ECHO);
                var wire = running.connect()) {
            assertThat(wire.get("/").receive().status()).isEqualTo(426);
        }
    }

    @Test
    void shouldSayAtOnceThatItIsGoingAwayAndStillReceiveWhatComesBeforeTheClientsClose() throws Exception {
        var received = new CompletableFuture<String>();
        try (var running = Running.on(request -> Response.webSocket(socket -> {
                    for (var message : socket) {
                        received.complete(((WebSocket.Text) message).text());
                    }
                }));
                var wire = open(running)) {
            var drained = running.drain(LATER);
            assertThat(receive(wire).closeCode()).isEqualTo(1001);
            send(wire, true, 1, "last words".getBytes(UTF_8));
            send(wire, true, 8, (byte) (1001 >> 8), (byte) 1001);
            assertThat(received.join()).isEqualTo("last words");
            assertThat(wire.isEnded()).isTrue();
            wire.hangUp();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }

    @Test
    void shouldNotWaitLongForTheCloseOfAClientThatSendsNone() throws Exception {
        try (var running = Running.on(ECHO);
                var wire = open(running)) {
            var drained = running.drain(LATER);
            assertThat(receive(wire).closeCode()).isEqualTo(1001);
            assertThat(wire.isEnded()).isTrue();
            assertThat(drained.join()).isEqualTo(new Drained(1, 0, 0));
        }
    }
}

package dev.baton.cli;

import dev.baton.netty.Handler;
import dev.baton.netty.Portable;
import dev.baton.netty.RawConnection;
import dev.baton.netty.Request;
import dev.baton.netty.Response;
import dev.baton.netty.WebSocket;
import dev.baton.netty.WebSocketHandler;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** What {@code baton hello} answers; see there. */
public final class HelloHandler implements Handler {
    private static final int BIG_DEFAULT_KIB = 4096;
    private static final int BIG_MOST_KIB = 1024 * 1024;

    @Override
    public Response handle(Request request) throws IOException {
        return switch (request.path()) {
            case "/" -> numbered(request, Response.text("Hello, world!\n"));
            case "/slow" -> numbered(request, slow(request));
            case "/upload" -> numbered(request, upload(request));
            case "/big" -> numbered(request, big(request));
            case "/echo" -> Response.upgrade("echo", HelloHandler::echo);
            case "/ws" -> Response.webSocket(HelloHandler::echo);
            case "/tally" -> Response.webSocket(new Tally(0));
            default -> Response.of(404);
        };
    }

    /** Lets a client see that this is the answer to its request and no other. */
    private static Response numbered(Request request, Response answer) {
        return request.headers()
                .first("x-seq")
                .map(number -> answer.header("x-seq", number))
                .orElse(answer);
    }

    private static Response slow(Request request) {
        var end = System.nanoTime()
                + Duration.ofMillis(number(request, "ms", 1000)).toNanos();
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
        return Response.text("Hello, world!\n");
    }

    private static Response upload(Request request) throws IOException {
        try (var body = request.body()) {
            return Response.text("received=" + body.transferTo(OutputStream.nullOutputStream()) + "\n");
        }
    }

    private static Response big(Request request) {
        var kib = Math.min(number(request, "kib", BIG_DEFAULT_KIB), BIG_MOST_KIB);
        var chunk = new byte[26 * 1024];
        for (int i = 0; i < chunk.length; i++) {
            chunk[i] = (byte) ('a' + i % 26);
        }
        return Response.stream("application/octet-stream", kib * 1024, out -> {
            for (long left = kib * 1024; left > 0; left -= chunk.length) {
                out.write(chunk, 0, (int) Math.min(left, chunk.length));
            }
        });
    }

    private static void echo(RawConnection connection) throws IOException {
        var lines = new BufferedReader(new InputStreamReader(connection.in(), StandardCharsets.UTF_8));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            connection.out().write((line + "\n").getBytes(StandardCharsets.UTF_8));
            connection.out().flush();
        }
    }

    private static void echo(WebSocket socket) throws IOException {
        for (var message : socket) {
            switch (message) {
                case WebSocket.Text(String text) -> socket.send(text);
                case WebSocket.Binary(byte[] bytes) -> socket.send(bytes);
            }
        }
    }

    private static long number(Request request, String name, long ifAbsent) {
        return request.query(name).map(Long::parseLong).orElse(ifAbsent);
    }

    /** Sends each message of a WebSocket back behind its number, and goes on counting in the next generation. */
    public static final class Tally implements WebSocketHandler, Portable {
        /** The name under which it goes on, see {@code HttpServer.Builder.takeOverWebSocket}. */
        public static final String KIND = "tally";

        private long count;

        private Tally(long count) {
            this.count = count;
        }

        /**
         * The one that goes on.
         *
         * @param state of the one before
         * @return its successor
         */
        public static Tally from(byte[] state) {
            return new Tally(ByteBuffer.wrap(state).getLong());
        }

        @Override
        public void converse(WebSocket socket) throws IOException {
            for (var message : socket) {
                count++;
                if (message instanceof WebSocket.Text(String text)) {
                    socket.send(count + " " + text);
                }
            }
        }

        @Override
        public String kind() {
            return KIND;
        }

        @Override
        public byte[] handOver() {
            return ByteBuffer.allocate(Long.BYTES).putLong(count).array();
        }
    }
}

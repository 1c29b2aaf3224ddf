package dev.baton.agent.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * A server as the first chapter on sockets has it, a connection for each request: {@code java SocketApp PORT platform|virtual
 * [FAILURE_FILE]}. It fails at its start when that file exists.
 */
final class SocketApp {
    private static final int BACKLOG = 200;

    private SocketApp() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 2 && java.nio.file.Files.exists(java.nio.file.Path.of(arguments[2]))) {
            throw new IllegalStateException("a failure by design");
        }
        var builder = arguments[1].equals("virtual") ? Thread.ofVirtual() : Thread.ofPlatform();
        try (var listener = new ServerSocket(Integer.parseInt(arguments[0]), BACKLOG)) {
            builder.start(() -> accept(listener)).join();
        }
    }

    private static void accept(ServerSocket listener) {
        try {
            while (true) {
                var socket = listener.accept();
                Thread.startVirtualThread(() -> answer(socket));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void answer(Socket socket) {
        try (socket) {
            var lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            for (var line = lines.readLine(); line != null && !line.isEmpty(); line = lines.readLine()) {
                // the head of a request
            }
            socket.getOutputStream().write("""
                    HTTP/1.1 200 OK\r
                    Content-Length: 14\r
                    Connection: close\r
                    \r
                    Hello, world!
                    """.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            // The client has gone.
        }
    }
}

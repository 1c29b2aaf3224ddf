package dev.baton.agent.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * A server with a thread for each connection, which lives on: {@code java KeepAliveApp PORT platform|timed|virtual}.
 * It answers {@code /} with its pid and the address of the client in the head, {@code /slow?ms=N} later, {@code /events} with
 * a stream that does not end, {@code /quiet} with chunks that pause, {@code /echo} with another protocol, and {@code /socket}
 * with a WebSocket that greets and then waits for a Close.
 */
final class KeepAliveApp {
    private static final int BACKLOG = 200;
    private static final int TIMEOUT_MS = 60_000;

    private KeepAliveApp() {}

    public static void main(String[] arguments) throws IOException {
        var builder = arguments[1].equals("virtual") ? Thread.ofVirtual() : Thread.ofPlatform();
        try (var listener = new ServerSocket(Integer.parseInt(arguments[0]), BACKLOG)) {
            while (true) {
                var socket = listener.accept();
                if (arguments[1].equals("timed")) {
                    socket.setSoTimeout(TIMEOUT_MS);
                }
                builder.start(() -> serve(socket));
            }
        }
    }

    private static void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
            var out = socket.getOutputStream();
            for (var request = in.readLine(); request != null; request = in.readLine()) {
                var leaves = false;
                for (var line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                    leaves |= line.equalsIgnoreCase("Connection: close");
                }
                answer(socket, request.split(" ", 3)[1], in, out, leaves);
                if (leaves) {
                    return;
                }
            }
        } catch (SocketException e) {
            // The client has gone.
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void answer(Socket socket, String path, BufferedReader in, OutputStream out, boolean leaves)
            throws IOException {
        if (path.startsWith("/slow?ms=")) {
            pause(Long.parseLong(path.substring("/slow?ms=".length())));
        }
        switch (path) {
            case "/events" -> write(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
            case "/echo" -> {
                write(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
                for (var line = in.readLine(); line != null; line = in.readLine()) {
                    write(out, line + "\n");
                }
            }
            case "/socket" -> {
                write(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
                write(out, "\u0081\u0002hi");
                for (int opcode = in.read(); opcode != 0x88 && opcode >= 0; opcode = in.read()) {}
                write(out, "\u0088\u0002\u0003\u00e8");
                socket.close();
            }
            case "/quiet" -> {
                write(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
                pause(1_000);
                write(out, "4\r\nlast\r\n0\r\n\r\n");
            }
            default ->
                write(
                        out,
                        "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nX-Peer-Port: " + socket.getPort() + "\r\nX-Pid: "
                                + ProcessHandle.current().pid() + (leaves ? "\r\nConnection: close" : "")
                                + "\r\n\r\nHello, world!\n");
        }
    }

    private static void write(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static void pause(long ms) {
        var end = System.nanoTime() + Duration.ofMillis(ms).toNanos();
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}

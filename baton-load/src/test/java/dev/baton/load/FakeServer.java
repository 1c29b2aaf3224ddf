package dev.baton.load;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** The server that the load expects, with one place to put a fault: what it does with each request. */
final class FakeServer implements AutoCloseable {
    private final ServerSocket listener;
    private final Behaviour behaviour;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger connections = new AtomicInteger();

    /** What the server does with a request; an exception ends the connection. */
    interface Behaviour {
        void handle(Request request) throws IOException;
    }

    /** One request as it was read; its body, if any, is still to be read. */
    final class Request {
        final Socket socket;
        final InputStream in;
        final OutputStream out;
        final String path;
        final String sequence;
        /** Counts from 1 on each connection. */
        final int number;

        private final boolean closeAsked;
        private final boolean chunked;
        private final int contentLength;

        private Request(Socket socket, InputStream in, int number) throws IOException {
            this.socket = socket;
            this.in = in;
            this.out = socket.getOutputStream();
            this.number = number;
            this.path = line(in).split(" ", -1)[1];
            String seq = "";
            boolean close = false;
            boolean chunks = false;
            int length = 0;
            for (var header = line(in); !header.isEmpty(); header = line(in)) {
                var lower = header.toLowerCase(Locale.ROOT);
                var value = lower.substring(lower.indexOf(':') + 1).strip();
                if (lower.startsWith("x-seq:")) {
                    seq = value;
                } else if (lower.startsWith("connection:")) {
                    close = value.equals("close");
                } else if (lower.startsWith("content-length:")) {
                    length = Integer.parseInt(value);
                } else if (lower.startsWith("transfer-encoding:")) {
                    chunks = true;
                }
            }
            this.sequence = seq;
            this.closeAsked = close;
            this.chunked = chunks;
            this.contentLength = length;
            requests.incrementAndGet();
        }

        /** Answers as the load expects it. */
        void answer() throws IOException {
            if (path.startsWith("/big?kib=")) {
                answer(200, letters(Integer.parseInt(path.substring(9)) * 1024));
            } else if (path.equals("/upload")) {
                answer(200, "received=" + readBody());
            } else if (path.equals("/echo")) {
                write("""
                        HTTP/1.1 101 Switching Protocols\r
                        Connection: Upgrade\r
                        Upgrade: echo\r
                        X-Pid: 4711\r
                        X-Generation: 1\r
                        \r
                        """);
                while (true) {
                    write(line(in) + "\n");
                }
            } else {
                answer(200, "Hello, world!\n");
            }
            if (closeAsked) {
                close();
            }
        }

        void answer(int status, String body) throws IOException {
            write(head(status, body.length(), closeAsked ? "Connection: close\r\n" : "") + body);
        }

        void answerWithNotice() throws IOException {
            write(head(200, 14, "Connection: close\r\n") + "Hello, world!\n");
        }

        String head(int status, int length, String more) {
            return "HTTP/1.1 " + status + " Whatever\r\nContent-Length: " + length
                    + "\r\nX-Pid: 4711\r\nX-Generation: 1\r\n" + "X-Seq: " + sequence + "\r\n" + more + "\r\n";
        }

        void write(String text) throws IOException {
            out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        void close() throws IOException {
            socket.close();
        }

        void reset() throws IOException {
            socket.setSoLinger(true, 0);
            socket.close();
        }

        /** Blocks until the client gives up. */
        void stall() throws IOException {
            while (in.read() >= 0) {
                // It may send more; it gets nothing.
            }
            close();
        }

        private int readBody() throws IOException {
            if (!chunked) {
                return in.readNBytes(contentLength).length;
            }
            int total = 0;
            for (int size = Integer.parseInt(line(in), 16); size > 0; size = Integer.parseInt(line(in), 16)) {
                total += in.readNBytes(size).length;
                line(in);
            }
            line(in);
            return total;
        }
    }

    FakeServer(Behaviour behaviour) throws IOException {
        this.behaviour = behaviour;
        this.listener = new ServerSocket(0, 1000, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    static FakeServer healthy() throws IOException {
        return new FakeServer(Request::answer);
    }

    static String letters(int length) {
        return "abcdefghijklmnopqrstuvwxyz".repeat(length / 26 + 1).substring(0, length);
    }

    InetSocketAddress address() {
        return new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort());
    }

    int requests() {
        return requests.get();
    }

    int connections() {
        return connections.get();
    }

    /** Closes every connection, as a server does that goes down without a word. */
    void closeConnections() throws IOException {
        for (var socket : open) {
            socket.close();
        }
    }

    private void accept() {
        try {
            while (true) {
                var socket = listener.accept();
                socket.setTcpNoDelay(true);
                open.add(socket);
                connections.incrementAndGet();
                Thread.ofVirtual().start(() -> serve(socket));
            }
        } catch (IOException _) {
            // Closed: the test is over.
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            var in = new BufferedInputStream(socket.getInputStream());
            for (int number = 1; ; number++) {
                behaviour.handle(new Request(socket, in, number));
            }
        } catch (IOException _) {
            // The connection ends, by the client's will or by the test's.
        } finally {
            open.remove(socket);
        }
    }

    private static String line(InputStream in) throws IOException {
        var line = new StringBuilder();
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                throw new IOException("end of stream");
            }
            if (next != '\r') {
                line.append((char) next);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        closeConnections();
    }
}

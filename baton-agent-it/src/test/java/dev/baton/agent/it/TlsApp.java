package dev.baton.agent.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.baton.load.Keys;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.Status;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/**
 * Servers with TLS that know nothing of Baton: {@code java TlsApp PORT KEYS https|socket|records}. The JDK's HTTPS server uses its
 * engines. The last has its own loop around an engine; its records are short, and the status line gets longer by a letter each
 * time, so that what stands behind it is cut everywhere.
 */
final class TlsApp {
    private static final String BODY = "Hello, world!\n";
    private static final int BACKLOG = 200;

    /** Holds 218 bytes of text, as much as the longest status line has. */
    private static final int RECORD = 256;

    private static final int LEAST_REASON = 180;
    private static final int REASONS = 24;

    private TlsApp() {}

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        var port = Integer.parseInt(arguments[0]);
        var context = new Keys(Path.of(arguments[1])).used();
        switch (arguments[2]) {
            case "https" -> serveHttps(port, context);
            case "socket" -> serveWithSockets(port, context);
            default -> serveInShortRecords(port, context);
        }
    }

    private static void serveHttps(int port, SSLContext context) throws IOException {
        var server = HttpsServer.create(new InetSocketAddress(port), BACKLOG);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.createContext("/", exchange -> {
            try (exchange) {
                exchange.sendResponseHeaders(200, BODY.length());
                exchange.getResponseBody().write(BODY.getBytes(US_ASCII));
            }
        });
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }

    private static void serveWithSockets(int port, SSLContext context) throws IOException {
        try (var listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, BACKLOG)) {
            while (true) {
                var socket = (SSLSocket) listener.accept();
                Thread.ofPlatform().start(() -> {
                    try (socket) {
                        var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
                        for (var line = in.readLine(); line != null; line = in.readLine()) {
                            if (line.isEmpty()) {
                                socket.getOutputStream().write(answer("OK").getBytes(US_ASCII));
                            }
                        }
                    } catch (IOException e) {
                        // The client has gone.
                    }
                });
            }
        }
    }

    private static String answer(String reason) {
        var lives = reason.length() % 2 == 0 ? "connection: Keep-Alive\r\n" : "";
        return "HTTP/1.1 200 " + reason + "\r\n" + lives + "Content-Length: 14\r\n\r\n" + BODY;
    }

    private static void serveInShortRecords(int port, SSLContext context) throws IOException {
        try (var listener = ServerSocketChannel.open().bind(new InetSocketAddress(port), BACKLOG)) {
            while (true) {
                var channel = listener.accept();
                Thread.ofPlatform().start(() -> {
                    try (var records = new Records(channel, context)) {
                        var heard = "";
                        for (int answers = 0; ; answers++) {
                            for (int end = heard.indexOf("\r\n\r\n"); end < 0; end = heard.indexOf("\r\n\r\n")) {
                                heard += records.read();
                            }
                            heard = heard.substring(heard.indexOf("\r\n\r\n") + 4);
                            records.write(answer("O".repeat(LEAST_REASON + answers % REASONS)));
                        }
                    } catch (IOException e) {
                        // The client has gone.
                    }
                });
            }
        }
    }

    /** A connection whose server has its own loop around an engine. */
    private static final class Records implements AutoCloseable {
        private final SocketChannel channel;
        private final SSLEngine engine;
        private final ByteBuffer received;
        private final ByteBuffer heard;

        Records(SocketChannel channel, SSLContext context) {
            this.channel = channel;
            engine = context.createSSLEngine();
            engine.setUseClientMode(false);
            var wanted = engine.getSSLParameters();
            wanted.setMaximumPacketSize(RECORD);
            engine.setSSLParameters(wanted);
            received = ByteBuffer.allocate(1 << 16).flip();
            heard = ByteBuffer.allocate(1 << 16);
        }

        /** {@return what comes next} */
        String read() throws IOException {
            while (heard.position() == 0) {
                switch (engine.getHandshakeStatus()) {
                    case NEED_TASK -> engine.getDelegatedTask().run();
                    case NEED_WRAP -> write("");
                    default -> {
                        if (engine.unwrap(received, heard).getStatus() != Status.OK) {
                            received.compact();
                            if (channel.read(received) < 0) {
                                throw new EOFException();
                            }
                            received.flip();
                        }
                    }
                }
            }
            var text = US_ASCII.decode(heard.flip()).toString();
            heard.clear();
            return text;
        }

        void write(String text) throws IOException {
            // In two buffers, the first of which is empty, as servers do.
            var parts = new ByteBuffer[] {ByteBuffer.allocate(0), US_ASCII.encode(text)};
            do {
                var record = ByteBuffer.allocate(1 << 16);
                var _ = engine.wrap(parts, record);
                var _ = channel.write(record.flip());
            } while (parts[1].hasRemaining());
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}

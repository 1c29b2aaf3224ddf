package dev.baton.load;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/**
 * A client on one raw TCP connection that does what a test says, byte by byte, and says what it got instead when an
 * expectation fails. Text is ISO-8859-1, one byte per character; TCP_NODELAY is set, so that each {@link #send} is a segment
 * of its own as far as the kernel allows.
 *
 * <p>Every expectation fails with an {@link AssertionError}: after the limit, at an unexpected end or reset, or at once when
 * what came is different. Not thread-safe.
 */
public final class ScriptedClient implements AutoCloseable {
    private static final Duration GLANCE = Duration.ofMillis(1);

    private final Socket socket;
    private final ByteArrayOutputStream seen = new ByteArrayOutputStream();
    private final InputStream in;
    private Duration limit;
    private int pushedBack = -1;

    private ScriptedClient(Socket socket, Duration limit) throws IOException {
        this.socket = socket;
        this.in = new BufferedInputStream(socket.getInputStream());
        this.limit = limit;
    }

    /**
     * One answer.
     *
     * @param status the status code
     * @param headers by name in lower case; of a repeated header the last value
     * @param body the body, unchunked
     */
    public record Answer(int status, Map<String, String> headers, String body) {
        /**
         * The value of a header.
         *
         * @param name in any case
         * @return the value without spaces around it; null if the answer has no such header
         */
        public @Nullable String header(String name) {
            return headers.get(name.toLowerCase(Locale.ROOT));
        }
    }

    /**
     * Connects, within five seconds, which is also the limit of every expectation until {@link #within} changes it.
     *
     * @param address where to connect to
     * @return a connected client
     * @throws IOException if the connection is refused or not established in time
     */
    public static ScriptedClient connect(InetSocketAddress address) throws IOException {
        var limit = Duration.ofSeconds(5);
        var socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.connect(address, (int) limit.toMillis());
            return new ScriptedClient(socket, limit);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Connects with TLS; what is sent and expected is what goes below it.
     *
     * @param address where to connect to
     * @param context whom to trust
     * @param protocols what to offer of the application's protocols (RFC 7301); the server must take one if there are any
     * @return a connected client, after the handshake
     * @throws IOException if the connection is refused or not established in time
     */
    public static ScriptedClient secured(InetSocketAddress address, SSLContext context, String... protocols)
            throws IOException {
        var plain = connect(address);
        try {
            var socket = (SSLSocket) context.getSocketFactory()
                    .createSocket(plain.socket, address.getHostString(), address.getPort(), true);
            var parameters = socket.getSSLParameters();
            parameters.setApplicationProtocols(protocols);
            socket.setSSLParameters(parameters);
            socket.setSoTimeout((int) plain.limit.toMillis());
            socket.startHandshake();
            if (protocols.length > 0 && socket.getApplicationProtocol().isEmpty()) {
                throw new IOException(address + " speaks none of " + Arrays.toString(protocols));
            }
            return new ScriptedClient(socket, plain.limit);
        } catch (IOException e) {
            plain.close();
            throw e;
        }
    }

    /**
     * Sets how long each expectation waits in all.
     *
     * @param limit at least a millisecond
     * @return this
     */
    public ScriptedClient within(Duration limit) {
        this.limit = limit;
        return this;
    }

    /** {@return the port of this end} */
    public int localPort() {
        return socket.getLocalPort();
    }

    /**
     * Writes these bytes, in one piece.
     *
     * @param text one byte per character
     * @return this
     * @throws IOException if the server has reset the connection
     */
    public ScriptedClient send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /**
     * Writes these bytes, in one piece.
     *
     * @param bytes what to write
     * @return this
     * @throws IOException if the server has reset the connection
     */
    public ScriptedClient send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        return this;
    }

    /**
     * Sends {@code GET path} with a Host header and nothing else.
     *
     * @param path beginning with a slash
     * @return this
     * @throws IOException if the server has reset the connection
     */
    public ScriptedClient get(String path) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    }

    /**
     * Expects exactly these bytes next.
     *
     * @param text one byte per character
     * @return this
     * @throws IOException if reading fails other than by a reset
     */
    public ScriptedClient expect(String text) throws IOException {
        var attempt = new Attempt("\"" + text + "\"");
        for (int i = 0; i < text.length(); i++) {
            int next = attempt.read();
            if (next != text.charAt(i)) {
                throw attempt.failed(next < 0 ? "the stream ended" : "something else came");
            }
        }
        return this;
    }

    /**
     * Expects a line.
     *
     * @return the line without its end
     * @throws IOException if reading fails other than by a reset
     */
    public String expectLine() throws IOException {
        return new Attempt("a line").line();
    }

    /**
     * Expects a status line and headers, up to the empty line.
     *
     * @param status the status code
     * @return the head as an answer with an empty body, whatever length is announced
     * @throws IOException if reading fails other than by a reset
     */
    public Answer expectHead(int status) throws IOException {
        return new Attempt("an answer with status " + status).head(status);
    }

    /**
     * Expects a whole answer: by its length, by chunks, or to the end of the stream.
     *
     * @param status the status code
     * @return the answer
     * @throws IOException if reading fails other than by a reset
     */
    public Answer expectAnswer(int status) throws IOException {
        var attempt = new Attempt("an answer with status " + status);
        var head = attempt.head(status);
        return new Answer(head.status(), head.headers(), attempt.body(head));
    }

    /**
     * Expects that exactly this many bytes follow at least.
     *
     * @param count how many
     * @return the bytes
     * @throws IOException if reading fails other than by a reset
     */
    public String expectBytes(int count) throws IOException {
        return new Attempt(count + " bytes").bytes(count);
    }

    /**
     * Expects that the server closes, whatever it sends before.
     *
     * @return what it sent before
     * @throws IOException if reading fails other than by a reset
     */
    public String expectRestThenEof() throws IOException {
        return new Attempt("the end of the stream").rest();
    }

    /**
     * Expects that the server closes and sends nothing before.
     *
     * @throws IOException if reading fails other than by a reset
     */
    public void expectEof() throws IOException {
        var attempt = new Attempt("the end of the stream");
        if (attempt.read() >= 0) {
            throw attempt.failed("a byte came");
        }
    }

    /**
     * Expects that the server resets the connection and sends nothing before.
     *
     * @throws IOException if reading fails other than by a reset
     */
    public void expectReset() throws IOException {
        var attempt = new Attempt("a reset");
        try {
            socket.setSoTimeout((int) limit.toMillis());
            throw attempt.failed(in.read() < 0 ? "the stream ended" : "a byte came");
        } catch (SocketTimeoutException _) {
            throw attempt.failed("nothing came");
        } catch (SocketException _) {
            // As expected.
        }
    }

    /**
     * Expects that neither an end nor a reset has arrived by now.
     *
     * @return this
     * @throws IOException if reading fails other than by a reset
     */
    public ScriptedClient expectStillOpen() throws IOException {
        if (pushedBack < 0) {
            var attempt = new Attempt("an open connection", GLANCE);
            pushedBack = attempt.glance();
        }
        return this;
    }

    /**
     * Expects that nothing arrives for a while: no byte, no end, no reset.
     *
     * @param time how long
     * @return this
     * @throws IOException if reading fails other than by a reset
     */
    public ScriptedClient expectSilence(Duration time) throws IOException {
        var attempt = new Attempt("silence for " + time.toMillis() + " ms", time);
        if (pushedBack >= 0 || attempt.glance() >= 0) {
            throw attempt.failed("a byte came");
        }
        return this;
    }

    /**
     * Sends FIN; reading goes on.
     *
     * @return this
     * @throws IOException if the connection is gone already
     */
    public ScriptedClient halfClose() throws IOException {
        socket.shutdownOutput();
        return this;
    }

    /**
     * Closes with a reset instead of a FIN (SO_LINGER 0).
     *
     * @throws IOException if the connection is gone already
     */
    public void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    /** One expectation with its deadline. */
    private final class Attempt {
        private final String awaited;
        private final Duration limit;
        private final long end;

        Attempt(String awaited) {
            this(awaited, ScriptedClient.this.limit);
        }

        Attempt(String awaited, Duration limit) {
            this.awaited = awaited;
            this.limit = limit;
            this.end = System.nanoTime() + limit.toNanos();
            seen.reset();
        }

        /** The next byte, -1 at the end of the stream. */
        int read() throws IOException {
            int next = pushedBack;
            pushedBack = -1;
            if (next < 0) {
                try {
                    next = receive();
                } catch (SocketTimeoutException _) {
                    throw failed("no more came within " + limit.toMillis() + " ms");
                }
            }
            if (next >= 0) {
                seen.write(next);
            }
            return next;
        }

        /** The next byte, or -1 if nothing comes in time; an end or a reset fails. */
        int glance() throws IOException {
            try {
                int next = receive();
                if (next < 0) {
                    throw failed("the stream ended");
                }
                return next;
            } catch (SocketTimeoutException _) {
                return -1;
            }
        }

        private int receive() throws IOException {
            long left = Math.max(1, (end - System.nanoTime()) / 1_000_000);
            socket.setSoTimeout((int) left);
            try {
                return in.read();
            } catch (SocketException e) {
                throw failed(e.toString());
            }
        }

        int must() throws IOException {
            int next = read();
            if (next < 0) {
                throw failed("the stream ended");
            }
            return next;
        }

        String line() throws IOException {
            var line = new StringBuilder();
            for (int next = must(); next != '\n'; next = must()) {
                line.append((char) next);
            }
            int length = line.length();
            return length > 0 && line.charAt(length - 1) == '\r' ? line.substring(0, length - 1) : line.toString();
        }

        String bytes(int count) throws IOException {
            var bytes = new StringBuilder();
            while (bytes.length() < count) {
                bytes.append((char) must());
            }
            return bytes.toString();
        }

        String rest() throws IOException {
            var bytes = new StringBuilder();
            for (int next = read(); next >= 0; next = read()) {
                bytes.append((char) next);
            }
            return bytes.toString();
        }

        Answer head(int status) throws IOException {
            var first = line();
            if (!first.startsWith("HTTP/1.1 " + status)) {
                throw failed("the status line is \"" + first + "\"");
            }
            var headers = new TreeMap<String, String>();
            for (var line = line(); !line.isEmpty(); line = line()) {
                int colon = line.indexOf(':');
                if (colon < 0) {
                    throw failed("a header without a colon: \"" + line + "\"");
                }
                headers.put(
                        line.substring(0, colon).toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
            return new Answer(status, headers, "");
        }

        String body(Answer head) throws IOException {
            var length = head.header("Content-Length");
            if (length != null) {
                return bytes(Integer.parseInt(length));
            }
            if (!"chunked".equalsIgnoreCase(head.header("Transfer-Encoding"))) {
                return head.status() == 101 || head.status() == 204 || head.status() == 304 ? "" : rest();
            }
            var body = new StringBuilder();
            for (int size = chunk(); size > 0; size = chunk()) {
                body.append(bytes(size));
                line();
            }
            while (!line().isEmpty()) {
                // Trailers are of no interest.
            }
            return body.toString();
        }

        private int chunk() throws IOException {
            var size = line();
            int extension = size.indexOf(';');
            return Integer.parseInt(extension < 0 ? size : size.substring(0, extension), 16);
        }

        AssertionError failed(String why) {
            var came = seen.toString(StandardCharsets.ISO_8859_1);
            return new AssertionError(
                    "awaited %s on %s, but %s; came so far: \"%s\"".formatted(awaited, socket, why, came));
        }
    }
}

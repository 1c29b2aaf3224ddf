package dev.baton.netty;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.handler.codec.http.HttpHeaderValidationUtil;
import java.io.OutputStream;
import java.util.Arrays;

/** An answer. Cannot be changed: {@link #status(int)} and {@link #header} make another one, so that one can be shared. */
public final class Response {
    /** Writes a body. */
    @FunctionalInterface
    public interface Body {
        /**
         * Writes a body that is not at hand as a whole.
         *
         * @param out takes bytes, and waits while the client does not take them; {@code flush} sends what was written so
         *     far at once. Closing it is not needed
         * @throws Exception if it cannot be written: when nothing has been sent yet the answer is 500, otherwise the
         *     connection (over HTTP/2 the stream) is reset so that the client does not take a part for the whole
         */
        void write(OutputStream out) throws Exception;
    }

    sealed interface Content {}

    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Whole(byte[] bytes) implements Content {}

    record Streamed(long length, Body body) implements Content {}

    record Socket(WebSocketHandler handler) implements Content {}

    record Raw(String protocol, RawHandler handler) implements Content {}

    static final long UNKNOWN_LENGTH = -1;

    private static final byte[] NOTHING = {};
    private static final String[] NO_FIELDS = {};
    private static final String[] PLAIN_TEXT = {"content-type", "text/plain; charset=utf-8"};

    private final int status;
    private final String[] fields;
    private final Content content;

    private Response(int status, String[] fields, Content content) {
        this.status = status;
        this.fields = fields;
        this.content = content;
    }

    /**
     * An answer without a body.
     *
     * @param status 200 to 599
     * @return the answer
     */
    public static Response of(int status) {
        return new Response(checked(status), NO_FIELDS, new Whole(NOTHING));
    }

    /**
     * 200 with a text.
     *
     * @param text sent as {@code text/plain; charset=utf-8}
     * @return the answer
     */
    public static Response text(String text) {
        return new Response(200, PLAIN_TEXT, new Whole(text.getBytes(UTF_8)));
    }

    /**
     * 200 with bytes.
     *
     * @param contentType the media type
     * @param bytes not copied, must not be changed afterwards
     * @return the answer
     */
    public static Response bytes(String contentType, byte[] bytes) {
        return new Response(200, NO_FIELDS, new Whole(bytes)).header("content-type", contentType);
    }

    /**
     * 200 with a body of unknown length: chunked over HTTP/1.1, ended by the close over HTTP/1.0.
     *
     * @param contentType the media type
     * @param body writes it; not called for HEAD
     * @return the answer
     */
    public static Response stream(String contentType, Body body) {
        return new Response(200, NO_FIELDS, new Streamed(UNKNOWN_LENGTH, body)).header("content-type", contentType);
    }

    /**
     * 200 with a body of known length.
     *
     * @param contentType the media type
     * @param length its length in bytes; writing more fails, writing less resets the connection
     * @param body writes it; not called for HEAD
     * @return the answer
     */
    public static Response stream(String contentType, long length, Body body) {
        if (length < 0) {
            throw new IllegalArgumentException("length is " + length + ", must be 0 or more");
        }
        return new Response(200, NO_FIELDS, new Streamed(length, body)).header("content-type", contentType);
    }

    /**
     * Agrees to speak WebSocket. A request that does not ask for it is answered 426, over HTTP/2 501.
     *
     * @param handler converses, on the virtual thread of the request
     * @return the answer
     */
    public static Response webSocket(WebSocketHandler handler) {
        return new Response(101, NO_FIELDS, new Socket(handler));
    }

    /**
     * Agrees to speak another protocol. A request whose {@code Upgrade} does not name it is answered 426, over HTTP/2
     * 501.
     *
     * @param protocol its name
     * @param handler converses, on the virtual thread of the request
     * @return the answer
     */
    public static Response upgrade(String protocol, RawHandler handler) {
        return new Response(101, NO_FIELDS, new Raw(protocol, handler));
    }

    /**
     * The same answer with another status.
     *
     * @param status 200 to 599
     * @return the other answer
     */
    public Response status(int status) {
        return new Response(checked(status), fields, content);
    }

    /**
     * The same answer with one more header field. What frames the message ({@code Content-Length},
     * {@code Transfer-Encoding}) is the server's business and is overwritten; {@code Connection: close} is obeyed.
     *
     * @param name its name
     * @param value its value
     * @return the other answer
     * @throws IllegalArgumentException if one of them has a character that is not allowed there (RFC 9110, section 5)
     */
    public Response header(String name, String value) {
        if (name.isEmpty() || HttpHeaderValidationUtil.validateToken(name) >= 0) {
            throw new IllegalArgumentException("'" + name + "' is no name of a header field");
        }
        if (HttpHeaderValidationUtil.validateValidHeaderValue(value) >= 0) {
            throw new IllegalArgumentException("the value of header field " + name + " has a forbidden character");
        }
        var more = Arrays.copyOf(fields, fields.length + 2);
        more[fields.length] = name;
        more[fields.length + 1] = value;
        return new Response(status, more, content);
    }

    /** {@return the status} */
    public int status() {
        return status;
    }

    /** Names and values in turn; not to be changed. */
    String[] fields() {
        return fields;
    }

    Content content() {
        return content;
    }

    private static int checked(int status) {
        if (status < 200 || status > 599) {
            throw new IllegalArgumentException("status is " + status + ", must be 200 to 599");
        }
        return status;
    }
}

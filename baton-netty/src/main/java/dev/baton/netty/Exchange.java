package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpHeadersFactory;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.AsciiString;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** One request and its answer: runs the handler on a virtual thread and writes what it returns. */
final class Exchange implements Runnable {
    /** Values of the application were checked when they were given, the others are ours. */
    private static final HttpHeadersFactory UNCHECKED =
            DefaultHttpHeadersFactory.headersFactory().withValidation(false);

    private static volatile Date date = new Date(0, AsciiString.EMPTY_STRING);

    private record Date(long second, AsciiString text) {}

    private final HttpServer server;
    private final Carrier carrier;
    private final Request request;
    private final @Nullable Inflow body;
    private volatile boolean lost;

    private Exchange(HttpServer server, Carrier carrier, Request request, @Nullable Inflow body) {
        this.server = server;
        this.carrier = carrier;
        this.request = request;
        this.body = body;
    }

    /**
     * Event loop: begins an exchange.
     *
     * @throws IllegalArgumentException if the target is malformed
     */
    static Exchange begin(
            HttpServer server, Carrier carrier, HttpRequest head, String protocol, boolean secure, boolean hasBody) {
        var channel = carrier.channel();
        var settings = server.settings();
        var body = hasBody
                ? new Inflow(channel.eventLoop(), carrier::pull, settings.maxBody(), settings.idleTimeout())
                : null;
        var request = new Request(
                head,
                protocol,
                secure,
                Transport.address(channel),
                body == null ? InputStream.nullInputStream() : body,
                server::isDraining);
        var exchange = new Exchange(server, carrier, request, body);
        server.connections().begun(exchange);
        Thread.ofVirtual().start(exchange);
        return exchange;
    }

    /** Event loop: a piece of the body. */
    void received(ByteBuf piece, boolean last) {
        if (body == null) {
            piece.release();
            return;
        }
        body.offer(piece);
        if (last) {
            body.end();
        }
    }

    /** Event loop: no more of the body will come. */
    void lost(IOException cause) {
        lost = true;
        if (body != null) {
            body.fail(cause);
        }
    }

    /** Event loop: answered in full, or never to be. */
    void end() {
        if (body != null) {
            body.close();
        }
        server.connections().ended(this);
    }

    @Override
    public void run() {
        try {
            send(server.decorate(answer()));
        } catch (Throwable e) {
            broken(e);
            onLoop(carrier::abort);
        }
    }

    private Response answer() {
        try {
            return server.handler().handle(request);
        } catch (Refusal e) {
            return e.response();
        } catch (Throwable e) {
            return failed(e);
        }
    }

    private Response failed(Throwable cause) {
        broken(cause);
        return Response.text("internal error\n").status(500);
    }

    private void broken(Throwable cause) {
        if (lost && cause instanceof IOException) {
            LOG.log(Level.DEBUG, () -> request + ": the client is gone: " + cause.getMessage());
        } else {
            LOG.log(Level.ERROR, "cannot answer " + request, cause);
        }
    }

    /** The event loops end when all is drained or cut; a handler that goes on longer has been counted. */
    private void onLoop(Runnable action) {
        try {
            carrier.channel().eventLoop().execute(action);
        } catch (RejectedExecutionException _) {
            LOG.log(Level.DEBUG, () -> request + " is answered after the end");
        }
    }

    private void send(Response response) throws IOException {
        switch (response.content()) {
            case Response.Whole _ -> sendWhole(response);
            case Response.Streamed streamed -> {
                if (isHead() || response.status() == 204 || response.status() == 304) {
                    sendWhole(response);
                } else {
                    stream(response, streamed);
                }
            }
            case Response.Socket socket -> converse(response, socket);
            case Response.Raw raw -> converse(response, raw);
        }
    }

    private boolean isHead() {
        return request.method().equals("HEAD");
    }

    private void sendWhole(Response response) {
        var whole = whole(response, isHead());
        onLoop(() -> carrier.write(whole, carrier.channel().newPromise()));
    }

    /** An answer in one piece. */
    static FullHttpResponse whole(Response response, boolean headOnly) {
        var status = HttpResponseStatus.valueOf(response.status());
        var content = Unpooled.EMPTY_BUFFER;
        var length = Response.UNKNOWN_LENGTH;
        switch (response.content()) {
            case Response.Whole(var bytes) -> {
                length = bytes.length;
                content = headOnly ? content : Unpooled.wrappedBuffer(bytes);
            }
            case Response.Streamed streamed -> length = streamed.length();
            case Response.Socket _, Response.Raw _ -> {}
        }
        return whole(response, status, length, content);
    }

    private static FullHttpResponse whole(Response response, HttpResponseStatus status, long length, ByteBuf content) {
        var bodiless = status.code() == 204 || status.code() == 304;
        var headers = headers(response);
        if (!bodiless && length >= 0) {
            headers.set(HttpHeaderNames.CONTENT_LENGTH, length);
        }
        if (bodiless) {
            content.release();
        }
        return new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                status,
                bodiless ? Unpooled.EMPTY_BUFFER : content,
                headers,
                EmptyHttpHeaders.INSTANCE);
    }

    private static HttpHeaders headers(Response response) {
        var headers = UNCHECKED.newHeaders();
        var fields = response.fields();
        for (var i = 0; i < fields.length; i += 2) {
            if (!HttpHeaderNames.TRANSFER_ENCODING.contentEqualsIgnoreCase(fields[i])
                    && !HttpHeaderNames.CONTENT_LENGTH.contentEqualsIgnoreCase(fields[i])) {
                headers.add(fields[i], fields[i + 1]);
            }
        }
        if (!headers.contains(HttpHeaderNames.DATE)) {
            headers.set(HttpHeaderNames.DATE, now());
        }
        return headers;
    }

    private static AsciiString now() {
        var second = System.currentTimeMillis() / 1000;
        var known = date;
        if (known.second != second) {
            var time = Instant.ofEpochSecond(second).atOffset(ZoneOffset.UTC);
            known = new Date(second, new AsciiString(IMF_FIXDATE.format(time)));
            date = known;
        }
        return known.text;
    }

    private static final DateTimeFormatter IMF_FIXDATE =
            DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT);

    private Backpressure backpressure() {
        return new Backpressure(carrier.channel(), server.settings().idleTimeout());
    }

    // ---- bodies in pieces

    private void stream(Response response, Response.Streamed streamed) throws IOException {
        var pieces = new Pieces(response, streamed.length());
        var out = new Outflow(carrier.channel().alloc(), pieces);
        try {
            streamed.body().write(out);
            out.close();
        } catch (Throwable e) {
            out.discard();
            if (pieces.committed || lost) {
                throw new IOException("the body broke off", e);
            }
            sendWhole(server.decorate(e instanceof Refusal refusal ? refusal.response() : failed(e)));
        }
    }

    /** Sends the head with the first piece; a body that is one piece goes out whole, with its length. */
    private final class Pieces implements Outflow.Sink {
        private final Response response;
        private final long length;
        private final Backpressure backpressure = backpressure();
        private long sentBytes;
        private boolean committed;

        Pieces(Response response, long length) {
            this.response = response;
            this.length = length;
        }

        @Override
        public void accept(ByteBuf piece, boolean last) throws IOException {
            var total = sentBytes + piece.readableBytes();
            if (length >= 0 && (total > length || (last && total < length))) {
                piece.release();
                throw new IOException("the body has %d bytes%s where %d were announced"
                        .formatted(total, last ? "" : " or more", length));
            }
            sentBytes = total;
            if (!committed && last) {
                committed = true;
                var whole = whole(response, HttpResponseStatus.valueOf(response.status()), total, piece);
                onLoop(() -> carrier.write(whole, carrier.channel().newPromise()));
                return;
            }
            if (!committed) {
                committed = true;
                var head = head();
                onLoop(() -> carrier.write(head, carrier.channel().newPromise()));
            }
            var part = last ? new DefaultLastHttpContent(piece) : new DefaultHttpContent(piece);
            try {
                backpressure.send(piece.readableBytes(), written -> carrier.write(part, written));
            } catch (IOException e) {
                part.release();
                throw e;
            }
        }

        private HttpResponse head() {
            var headers = headers(response);
            if (length >= 0) {
                headers.set(HttpHeaderNames.CONTENT_LENGTH, length);
            } else {
                headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
            }
            return new DefaultHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(response.status()), headers);
        }
    }

    // ---- other protocols

    private void converse(Response response, Response.Socket socket) throws IOException {
        if (!(carrier instanceof Http1Connection connection)) {
            sendWhole(Response.text("no WebSocket over HTTP/2\n").status(501));
            return;
        }
        var key = request.headers().first("sec-websocket-key");
        if (!request.headers().lists("upgrade", "websocket") || key.isEmpty() || !connectionUpgrade()) {
            sendWhole(server.decorate(Response.text("this is for WebSocket\n")
                    .status(426)
                    .header("upgrade", "websocket")
                    .header("connection", "upgrade")));
            return;
        }
        if (!request.headers().first("sec-websocket-version").orElse("").equals("13")) {
            sendWhole(server.decorate(
                    Response.text("the version must be 13\n").status(426).header("sec-websocket-version", "13")));
            return;
        }
        var tunnel = new WebSocketTunnel(
                connection, backpressure(), server.settings().maxWebSocketMessage());
        var head = switching(response.header("sec-websocket-accept", WebSocketTunnel.accept(key.get())), "websocket");
        onLoop(() -> carrier.upgrade(head, tunnel));
        tunnel.run(socket.handler(), this::broken);
    }

    private void converse(Response response, Response.Raw raw) throws IOException {
        if (!(carrier instanceof Http1Connection connection)) {
            sendWhole(Response.text("no upgrade over HTTP/2\n").status(501));
            return;
        }
        if (!request.headers().lists("upgrade", raw.protocol()) || !connectionUpgrade()) {
            sendWhole(server.decorate(Response.text("this is for " + raw.protocol() + "\n")
                    .status(426)
                    .header("upgrade", raw.protocol())
                    .header("connection", "upgrade")));
            return;
        }
        var tunnel = new RawTunnel(connection, backpressure());
        var head = switching(response, raw.protocol());
        onLoop(() -> carrier.upgrade(head, tunnel));
        tunnel.run(raw.handler(), this::broken);
    }

    private boolean connectionUpgrade() {
        return request.headers().lists("connection", "upgrade")
                && request.protocol().equals("HTTP/1.1")
                && body == null;
    }

    private static HttpResponse switching(Response response, String protocol) {
        var headers = headers(response);
        headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        headers.set(HttpHeaderNames.UPGRADE, protocol);
        return new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                HttpResponseStatus.SWITCHING_PROTOCOLS,
                Unpooled.EMPTY_BUFFER,
                headers,
                EmptyHttpHeaders.INSTANCE);
    }
}

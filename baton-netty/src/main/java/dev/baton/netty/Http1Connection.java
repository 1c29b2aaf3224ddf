package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import dev.baton.Drained;
import dev.baton.LiveConnection;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.unix.UnixChannel;
import io.netty.handler.codec.CodecException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/1.x connection: requests one after the other, the next looked at when the former is answered.
 *
 * <pre>
 * stands       waits for                             ends by itself                        leaves to
 * IDLE         the first byte of a request           idle time-out: closed                 READING, HANDLING
 * READING      the rest of the head                  header time-out: 408                  HANDLING
 * HANDLING     the handler, then the client taking   idle time-out without progress: reset IDLE, DISCARDING, TUNNEL
 * DISCARDING   the rest of a body nobody read        idle time-out: closed                 IDLE
 * LEAVING      the successor's word that it took it  no: the passage has a limit           IDLE, TUNNEL, gone
 * TUNNEL       whoever speaks the other protocol     no                                    LEAVING, CLOSING
 * CLOSING      the client's end, see {@link Linger}  its limits
 * </pre>
 *
 * Each but CLOSING leads to CLOSING when the connection is not to be kept. While the server drains it is kept only to be
 * given to the successor, from IDLE or READING, where nothing is owed and all that was read is at hand; where that cannot
 * be, the answer says that it closes, whenever the request came.
 */
final class Http1Connection extends ChannelInboundHandlerAdapter implements Connection, Carrier {
    private enum Stand {
        IDLE,
        READING,
        HANDLING,
        DISCARDING,
        LEAVING,
        TUNNEL,
        CLOSING
    }

    private static final int DISCARD_BYTES = 64 << 10;
    private static final byte[] NOTHING = {};

    private final HttpServer server;
    private final Channel channel;
    private final String listener;
    private final Http1Decoder decoder;
    private @Nullable ChannelHandlerContext self;
    private @Nullable ChannelHandlerContext decoding;

    private boolean secure;
    private Stand stand = Stand.IDLE;
    private @Nullable Exchange exchange;
    private @Nullable Tunnel tunnel;
    private boolean keepAlive;
    private boolean oldClient;
    private boolean awaitsContinue;
    private boolean requestRead;
    private boolean headWritten;
    private long bodyLeftBytes;

    private long limitNanos;
    private long pendingBytes;
    private boolean watched;
    private @Nullable Future<?> headTimer;
    private Duration idleLeft;
    private boolean begun;
    private boolean mayLeave;
    private boolean refused;
    private byte[] leftState = NOTHING;

    /**
     * @param server the server
     * @param channel the accepted channel
     * @param listener the name of the listener that accepted it
     */
    Http1Connection(HttpServer server, Channel channel, String listener) {
        this.server = server;
        this.channel = channel;
        this.listener = listener;
        this.idleLeft = server.settings().idleTimeout();
        this.decoder = new Http1Decoder(this, server.settings().maxHead());
    }

    /**
     * Goes on where the predecessor was; before {@link #install}.
     *
     * @param left how much longer it may stand idle
     * @param unread what the predecessor had read and not understood
     */
    void inherit(Duration left, byte[] unread) {
        idleLeft = left;
        decoder.inherit(unread);
    }

    /** Puts this connection at the end of its channel's pipeline. */
    void install() {
        channel.pipeline().addLast(decoder, new HttpResponseEncoder(), this);
    }

    /** Goes on with a conversation of the predecessor; instead of {@link #install}. */
    void install(Tunnel inherited) {
        begun = true;
        tunnel = inherited;
        stand = Stand.TUNNEL;
        channel.pipeline().addLast(this);
    }

    /** Event loop, once registered: the conversation of {@link #install(Tunnel)} goes on. */
    void goOn(byte[] state, byte[] unread) {
        if (tunnel != null && stand == Stand.TUNNEL) {
            server.connections().begun(tunnel);
            tunnel.opened(self());
            var described = State.of(state);
            tunnel.goOn(described.kind(), described.bytes(), unread, this::brokeDown);
            if (server.isDraining()) {
                drain();
            }
        }
    }

    private void brokeDown(Throwable cause) {
        LOG.log(
                System.Logger.Level.ERROR,
                "a conversation with " + channel.remoteAddress() + " that was taken over broke down",
                cause);
    }

    /** What travels as a conversation's state: its kind, and what its owner says of it. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record State(String kind, byte[] bytes) {
        static State of(byte[] state) {
            var kind = new String(state, 1, state[0], StandardCharsets.UTF_8);
            return new State(kind, Arrays.copyOfRange(state, 1 + state[0], state.length));
        }

        byte[] travelling() {
            var name = kind.getBytes(StandardCharsets.UTF_8);
            var all = new byte[1 + name.length + bytes.length];
            all[0] = (byte) name.length;
            System.arraycopy(name, 0, all, 1, name.length);
            System.arraycopy(bytes, 0, all, 1 + name.length, bytes.length);
            return all;
        }
    }

    /** The kind of a conversation that arrives with this state. */
    static String kind(byte[] state) {
        return State.of(state).kind();
    }

    HttpServer server() {
        return server;
    }

    @Override
    public Channel channel() {
        return channel;
    }

    private ChannelHandlerContext self() {
        if (self == null) {
            throw new IllegalStateException(channel + " has no pipeline yet");
        }
        return self;
    }

    // ---- from one message to the next

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        self = ctx;
        decoding = ctx.pipeline().context(decoder);
        secure = ctx.pipeline().get(SslHandler.class) != null;
        if (channel.isActive() && !begun) {
            idle();
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        if (!begun) {
            idle();
        }
    }

    private void idle() {
        begun = true;
        stand = Stand.IDLE;
        exchange = null;
        headWritten = false;
        watch(idleLeft);
        idleLeft = server.settings().idleTimeout();
        if (mayLeave && canLeave()) {
            leave();
        } else {
            pull();
        }
    }

    @Override
    public void pull() {
        if (stand == Stand.TUNNEL) {
            self().read();
            return;
        }
        if (awaitsContinue && !headWritten) {
            self().writeAndFlush(new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
        }
        awaitsContinue = false;
        if (requestRead && stand != Stand.IDLE) {
            return;
        }
        try {
            if (decoding != null) {
                decoder.pull(decoding);
            }
        } catch (Exception e) {
            exceptionCaught(self(), e);
        }
    }

    /** The decoder: the first bytes of a head have come, but not all. */
    void headBegan() {
        if (stand == Stand.IDLE) {
            stand = Stand.READING;
            headTimer = channel.eventLoop()
                    .schedule(
                            () -> refuse(408, "the head of the request did not arrive in time"),
                            server.settings().headerTimeout().toNanos(),
                            TimeUnit.NANOSECONDS);
        }
    }

    /** The decoder: the client sends no more, and what was asked for has not come. */
    void inputEnded() {
        switch (stand) {
            case IDLE, READING, DISCARDING -> close();
            case HANDLING -> {
                keepAlive = false;
                lost(new IOException(channel.remoteAddress() + " ended its request in the middle of the body"));
            }
            case LEAVING, TUNNEL, CLOSING -> {}
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (stand == Stand.TUNNEL && tunnel != null) {
            tunnel.received(message);
            return;
        }
        try {
            if (stand == Stand.CLOSING || !channel.isActive()) {
                return;
            }
            if (message instanceof HttpRequest head) {
                begin(head);
            } else if (message instanceof HttpContent piece) {
                body(piece);
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    private void begin(HttpRequest head) {
        stopHeadTimer();
        stand = Stand.HANDLING;
        keepAlive = HttpUtil.isKeepAlive(head);
        oldClient = head.protocolVersion().minorVersion() == 0;
        requestRead = false;
        headWritten = false;
        awaitsContinue = false;
        var broken = head.decoderResult().isFailure();
        var chunked = HttpUtil.isTransferEncodingChunked(head);
        bodyLeftBytes = broken || chunked ? Long.MAX_VALUE : HttpUtil.getContentLength(head, 0L);
        var expects = head.headers().get(HttpHeaderNames.EXPECT);
        var settings = server.settings();

        if (broken) {
            switch (head.decoderResult().cause()) {
                case TooLongHttpLineException _ ->
                    refuse(414, "the request line is longer than " + settings.maxHead() + " bytes");
                case TooLongHttpHeaderException _ ->
                    refuse(431, "the header fields are longer than " + settings.maxHead() + " bytes");
                case Throwable e -> refuse(400, "the request is malformed: " + e.getMessage());
            }
        } else if (head.protocolVersion().majorVersion() != 1) {
            refuse(505, "the protocol must be HTTP/1.1 or HTTP/1.0");
        } else if (head.headers().size() > settings.maxFields()) {
            refuse(431, "there are more than " + settings.maxFields() + " header fields");
        } else if (!oldClient && head.headers().getAll(HttpHeaderNames.HOST).size() != 1) {
            refuse(400, "there must be one Host");
        } else if (expects != null && !oldClient && !HttpHeaderValues.CONTINUE.contentEqualsIgnoreCase(expects)) {
            refuse(417, "the only expectation met is 100-continue");
        } else if (!chunked && bodyLeftBytes > settings.maxBody()) {
            refuse(413, "the body is longer than " + settings.maxBody() + " bytes");
        } else {
            awaitsContinue = expects != null && !oldClient && bodyLeftBytes > 0;
            var protocol = oldClient ? "HTTP/1.0" : "HTTP/1.1";
            try {
                exchange = Exchange.begin(server, this, head, protocol, secure, bodyLeftBytes > 0);
            } catch (IllegalArgumentException e) {
                refuse(400, "the request target is malformed: " + e.getMessage());
            }
        }
    }

    private void body(HttpContent piece) {
        if (piece.decoderResult().isFailure()) {
            keepAlive = false;
            lost(new Refusal(
                    400,
                    "the body is malformed: " + piece.decoderResult().cause().getMessage()));
            if (stand == Stand.DISCARDING) {
                close();
            }
            return;
        }
        bodyLeftBytes -= piece.content().readableBytes();
        requestRead = piece instanceof LastHttpContent;
        if (stand == Stand.DISCARDING) {
            discard();
        } else if (exchange != null) {
            exchange.received(piece.content().retain(), requestRead);
        }
    }

    private void discard() {
        if (requestRead) {
            next();
        } else {
            pull();
        }
    }

    private void next() {
        if (keepAlive) {
            idle();
        } else {
            close();
        }
    }

    // ---- the answer

    @Override
    public void write(HttpObject part, ChannelPromise written) {
        if (stand != Stand.HANDLING) {
            ReferenceCountUtil.release(part);
            written.tryFailure(new IOException(channel.remoteAddress() + " is gone"));
            return;
        }
        if (part instanceof HttpResponse head) {
            headWritten = true;
            announce(head);
        }
        pendingBytes = Long.MAX_VALUE;
        watch();
        var last = part instanceof LastHttpContent;
        self().writeAndFlush(part, written);
        if (last && written.isDone()) {
            answered(written.isSuccess());
        } else if (last) {
            written.addListener(sent -> answered(sent.isSuccess()));
        }
    }

    private void announce(HttpResponse head) {
        var headers = head.headers();
        server.answering(head.status().code());
        while (keepAlive && !requestRead && bodyLeftBytes > DISCARD_BYTES && decoder.hasBytes() && !awaitsContinue) {
            var before = bodyLeftBytes;
            pull();
            if (before == bodyLeftBytes) {
                break;
            }
        }
        keepAlive &= !server.closesConnections(secure || refused)
                && (requestRead || (!awaitsContinue && bodyLeftBytes <= DISCARD_BYTES))
                && !headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE, true);
        if (oldClient && headers.contains(HttpHeaderNames.TRANSFER_ENCODING)) {
            headers.remove(HttpHeaderNames.TRANSFER_ENCODING);
            keepAlive = false;
        }
        if (!keepAlive) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else if (oldClient) {
            headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
    }

    private void answered(boolean sent) {
        if (exchange != null) {
            exchange.end();
        }
        if (stand != Stand.HANDLING) {
            return;
        }
        if (!sent) {
            reset();
        } else if (!keepAlive) {
            close();
        } else {
            stand = Stand.DISCARDING;
            discard();
        }
    }

    /** Answers without a handler, and closes. */
    private void refuse(int status, String reason) {
        stopHeadTimer();
        if (stand != Stand.READING && stand != Stand.HANDLING) {
            return;
        }
        stand = Stand.HANDLING;
        keepAlive = false;
        var answer = server.decorate(new Refusal(status, reason).response());
        write(Exchange.whole(answer, false), channel.newPromise());
    }

    @Override
    public void abort() {
        reset();
    }

    @Override
    public void upgrade(HttpResponse head, Tunnel opening) {
        if (stand != Stand.HANDLING) {
            return;
        }
        server.answering(head.status().code());
        self().writeAndFlush(head);
        tunnel = opening;
        stand = Stand.TUNNEL;
        decoding = null;
        var ended = decoder.hasInputEnded();
        opening.opened(self());
        ChannelPipeline pipeline = channel.pipeline();
        pipeline.remove(HttpResponseEncoder.class);
        pipeline.remove(decoder);
        if (ended) {
            opening.ended(true);
        }
        if (server.isDraining()) {
            drain();
        }
    }

    /** Any thread: the conversation is over and everything of it flushed. */
    void tunnelClosed() {
        channel.eventLoop().execute(() -> {
            conversed();
            close();
        });
    }

    // ---- ends

    private void close() {
        stopHeadTimer();
        stand = Stand.CLOSING;
        Linger.close(channel);
    }

    /** A plain close could look like the end of a body that is ended by it. */
    private void reset() {
        stopHeadTimer();
        stand = Stand.CLOSING;
        if (!secure && channel.isOpen()) {
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
        }
        channel.close();
    }

    private void lost(IOException cause) {
        if (exchange != null) {
            exchange.lost(cause);
        }
    }

    @Override
    public void drain() {
        mayLeave = true;
        if (tunnel != null && stand == Stand.TUNNEL) {
            var kind = tunnel.kind();
            if (kind != null && server.takesOver(tunnel.protocol(), kind) && mayGo()) {
                tunnel.rest();
            } else {
                tunnel.drain();
            }
        } else if ((stand == Stand.IDLE || stand == Stand.READING) && canLeave()) {
            leave();
        }
    }

    // ---- to the successor

    /** Pipelined requests that are too many to travel are answered first, one after the other. */
    private boolean canLeave() {
        return mayGo() && !decoder.hasInputEnded() && decoder.unreadBytes() <= LiveConnection.MOST_UNREAD_BYTES;
    }

    private boolean mayGo() {
        return server.isDraining()
                && server.connections().passage() != null
                && !secure
                && channel instanceof UnixChannel
                && channel.isActive();
    }

    /**
     * Out of epoll first, then away. Netty deregisters a little later, and what is read until then the decoder keeps: so all
     * bytes are either in {@code unread} or in the kernel.
     */
    private void leave() {
        stopHeadTimer();
        stand = Stand.LEAVING;
        decoder.rest();
        depart(
                HttpServer.PROTOCOL,
                NOTHING,
                () -> Duration.ofNanos(Math.max(0, limitNanos - System.nanoTime())),
                decoder::unread);
    }

    /** The conversation's own thread: it rests, and everything it has to say has been said. */
    void handOver(Portable conversation) {
        var state = new State(conversation.kind(), conversation.handOver());
        channel.eventLoop()
                .execute(() -> self().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> {
                    if (tunnel != null && stand == Stand.TUNNEL) {
                        stand = Stand.LEAVING;
                        leftState = state.travelling();
                        depart(
                                tunnel.protocol(),
                                leftState,
                                () -> server.settings().idleTimeout(),
                                tunnel::unread);
                    }
                }));
    }

    private void depart(String protocol, byte[] state, Supplier<Duration> left, Supplier<byte[]> unread) {
        channel.deregister().addListener(_ -> {
            var passage = server.connections().passage();
            if (stand != Stand.LEAVING) {
                return;
            }
            var bytes = unread.get();
            if (passage == null || bytes.length + state.length > LiveConnection.MOST_UNREAD_BYTES) {
                stay();
                return;
            }
            passage.give(
                    new LiveConnection(
                            listener,
                            protocol,
                            left.get(),
                            bytes,
                            state,
                            ((UnixChannel) channel).fd().intValue()),
                    gone -> channel.eventLoop().execute(() -> settled(gone)));
        });
    }

    private void settled(boolean gone) {
        if (stand != Stand.LEAVING) {
            return;
        }
        if (gone) {
            stand = Stand.CLOSING;
            server.connections().moved();
            conversed();
            // A channel that is not registered is closed without the events on which its handlers would let go of
            // buffers.
            while (channel.pipeline().first() != this) {
                channel.pipeline().removeFirst();
            }
            channel.close();
        } else {
            refused = server.connections().passage() != null;
            stay();
        }
    }

    private void stay() {
        mayLeave = false;
        channel.eventLoop().register(channel).addListener(registered -> {
            if (!registered.isSuccess()) {
                reset();
            } else if (stand == Stand.LEAVING && tunnel != null) {
                stand = Stand.TUNNEL;
                var state = State.of(leftState);
                tunnel.goOn(state.kind(), state.bytes(), NOTHING, this::brokeDown);
                if (server.isDraining()) {
                    tunnel.drain();
                }
            } else if (stand == Stand.LEAVING) {
                idle();
            }
        });
    }

    private void conversed() {
        if (exchange != null) {
            exchange.end();
        }
        if (tunnel != null) {
            server.connections().ended(tunnel);
        }
    }

    @Override
    public Drained cut() {
        var result = switch (stand) {
            case IDLE, DISCARDING -> new Drained(0, 1, 0);
            case LEAVING -> tunnel == null ? new Drained(0, 1, 0) : new Drained(0, 0, 1);
            case READING, HANDLING, TUNNEL -> new Drained(0, 0, 1);
            case CLOSING -> new Drained(1, 0, 0);
        };
        stand = Stand.CLOSING;
        channel.close();
        return result;
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        stopHeadTimer();
        var was = stand;
        stand = Stand.CLOSING;
        lost(new IOException(channel.remoteAddress() + " closed the connection"));
        conversed();
        if (was == Stand.TUNNEL && tunnel != null) {
            tunnel.ended(false);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent && tunnel != null) {
            tunnel.ended(true);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (tunnel instanceof WebSocketTunnel socket && cause instanceof CodecException) {
            socket.violated(cause);
            return;
        }
        LOG.log(System.Logger.Level.DEBUG, () -> channel + " is reset after " + stand + ": " + cause);
        reset();
    }

    // ---- time-outs

    /** One timer for the life of the connection, moved on when it rings instead of at every request. */
    private void watch() {
        watch(server.settings().idleTimeout());
    }

    private void watch(Duration limit) {
        limitNanos = System.nanoTime() + limit.toNanos();
        if (!watched) {
            watched = true;
            ring(limit.toNanos());
        }
    }

    private void ring(long nanos) {
        channel.eventLoop().schedule(this::rang, nanos, TimeUnit.NANOSECONDS);
    }

    private void rang() {
        var rest = limitNanos - System.nanoTime();
        watched = channel.isActive() && stand != Stand.CLOSING && stand != Stand.TUNNEL;
        if (watched && rest > 0) {
            ring(rest);
        } else if (watched) {
            watched = false;
            expired();
        }
    }

    private void expired() {
        switch (stand) {
            case IDLE, DISCARDING -> close();
            case HANDLING -> {
                var pending = channel.unsafe().outboundBuffer() == null
                        ? 0
                        : channel.unsafe().outboundBuffer().totalPendingWriteBytes();
                if (pending > 0 && pending >= pendingBytes) {
                    reset();
                } else {
                    pendingBytes = pending == 0 ? Long.MAX_VALUE : pending;
                    watch();
                }
            }
            case READING, LEAVING, TUNNEL, CLOSING -> {}
        }
    }

    private void stopHeadTimer() {
        if (headTimer != null) {
            headTimer.cancel(false);
            headTimer = null;
        }
    }
}

package dev.baton.netty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CorruptedWebSocketFrameException;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameDecoder;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameEncoder;
import io.netty.handler.codec.http.websocketx.WebSocketDecoderConfig;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * WebSocket frames. One read is under way as long as no message waits to be received, so that pings and closes are seen
 * while the application is busy, and a client that sends faster than it receives is held back.
 */
final class WebSocketTunnel implements Tunnel, WebSocket {
    private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /** What a WebSocket that goes from one generation to the next speaks. */
    static final String PROTOCOL = "websocket/13";

    private final Http1Connection connection;
    private final Backpressure backpressure;
    private final int maxMessage;
    private final FrameBorders borders;
    private final BlockingQueue<Optional<Message>> arrived = new LinkedBlockingQueue<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private volatile int closeCode = 1006;
    private boolean closeSent;
    private boolean over;
    private volatile boolean leaving;
    private volatile @Nullable String kind;
    private volatile Messages messages = new Messages();

    WebSocketTunnel(Http1Connection connection, Backpressure backpressure, int maxMessage) {
        this.connection = connection;
        this.backpressure = backpressure;
        this.maxMessage = maxMessage;
        this.borders = new FrameBorders(maxMessage);
    }

    /** The proof of having understood the request (RFC 6455, section 4.2.2). */
    static String accept(String key) {
        try {
            var sha1 = MessageDigest.getInstance("SHA-1").digest((key.strip() + GUID).getBytes(ISO_8859_1));
            return Base64.getEncoder().encodeToString(sha1);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-1", e);
        }
    }

    void run(WebSocketHandler handler, Consumer<Throwable> broken) {
        kind = handler instanceof Portable portable ? portable.kind() : null;
        try {
            handler.converse(this);
            if (messages.areLeft() && handler instanceof Portable portable) {
                connection.handOver(portable);
            } else {
                close(1000, "");
            }
        } catch (Throwable e) {
            if (!closing.get()) {
                broken.accept(e);
            }
            close(1011, "");
        }
    }

    // ---- event loop

    @Override
    public void opened(ChannelHandlerContext connection) {
        var config = WebSocketDecoderConfig.newBuilder()
                .maxFramePayloadLength(maxMessage)
                .allowExtensions(false)
                .build();
        var pipeline = connection.pipeline();
        var name = connection.name();
        pipeline.addBefore(name, null, new WebSocket13FrameEncoder(false));
        pipeline.addBefore(name, null, borders);
        pipeline.addBefore(name, null, new WebSocket13FrameDecoder(config));
        pipeline.addBefore(name, null, new WebSocketFrameAggregator(maxMessage));
        this.connection.pull();
    }

    @Override
    public void received(Object message) {
        try {
            if (over) {
                return;
            }
            switch (message) {
                case TextWebSocketFrame text -> arrived.add(Optional.of(new Text(text.text())));
                case BinaryWebSocketFrame binary ->
                    arrived.add(Optional.of(new Binary(ByteBufUtil.getBytes(binary.content()))));
                case PingWebSocketFrame ping -> {
                    write(new PongWebSocketFrame(ping.content().retain())).addListener(_ -> more());
                    return;
                }
                case CloseWebSocketFrame close -> closed(close);
                default -> {}
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
        more();
    }

    /** After a pong only when it is sent, or a client could fill the memory with pongs it does not take. */
    private void more() {
        if (!over && !leaving && (arrived.isEmpty() || closeSent)) {
            connection.pull();
        }
    }

    private void closed(CloseWebSocketFrame close) {
        closeCode = close.statusCode() < 0 ? 1005 : close.statusCode();
        closing.set(true);
        if (closeSent) {
            end();
        } else {
            closeSent = true;
            over = true;
            arrived.add(Optional.empty());
            var echo = closeCode == 1005 ? new CloseWebSocketFrame() : new CloseWebSocketFrame(closeCode, "");
            connection.channel().writeAndFlush(echo).addListener(_ -> connection.tunnelClosed());
        }
    }

    private ChannelFuture write(WebSocketFrame frame) {
        return connection.channel().writeAndFlush(frame).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
    }

    private void end() {
        if (!over) {
            over = true;
            arrived.add(Optional.empty());
            connection.tunnelClosed();
        }
    }

    @Override
    public void ended(boolean orderly) {
        closing.set(true);
        end();
    }

    /** The decoder answers a broken frame with a close of its own; a message too long in sum is ours to answer. */
    void violated(Throwable cause) {
        if (cause instanceof CorruptedWebSocketFrameException) {
            closing.set(true);
        } else {
            close(1009, "message too long");
        }
    }

    @Override
    public void drain() {
        close(1001, "going away");
    }

    // ---- to the successor

    @Override
    public String protocol() {
        return PROTOCOL;
    }

    @Override
    public @Nullable String kind() {
        return closing.get() ? null : kind;
    }

    @Override
    public void rest() {
        leaving = true;
        borders.rest(() -> arrived.add(Optional.empty()));
    }

    @Override
    public byte[] unread() {
        return borders.unread();
    }

    @Override
    public void goOn(String taken, byte[] state, byte[] unread, Consumer<Throwable> broken) {
        messages = new Messages();
        leaving = false;
        kind = taken;
        var channel = connection.channel();
        try {
            if (unread.length > 0) {
                channel.pipeline().fireChannelRead(Unpooled.wrappedBuffer(unread));
                channel.pipeline().fireChannelReadComplete();
            }
            borders.goOn(channel.pipeline().context(borders));
        } catch (Exception e) {
            violated(e);
        }
        Thread.ofVirtual().start(() -> {
            WebSocketHandler handler;
            try {
                handler = connection.server().webSocketFrom(taken, state);
            } catch (RuntimeException e) {
                broken.accept(e);
                close(1011, "");
                return;
            }
            run(handler, broken);
        });
        more();
    }

    // ---- any thread

    @Override
    public void close(int code, String reason) {
        var frame = new CloseWebSocketFrame(code, shortened(reason));
        if (!closing.compareAndSet(false, true)) {
            frame.release();
            return;
        }
        var loop = connection.channel().eventLoop();
        loop.execute(() -> {
            if (over) {
                frame.release();
                return;
            }
            closeSent = true;
            write(frame);
            connection.pull();
            loop.schedule(this::end, Linger.SILENCE.toMillis(), TimeUnit.MILLISECONDS);
        });
    }

    private static String shortened(String reason) {
        if (reason.getBytes(UTF_8).length > 123) {
            throw new IllegalArgumentException("the reason has more than 123 bytes: " + reason);
        }
        return reason;
    }

    @Override
    public int closeCode() {
        return closeCode;
    }

    @Override
    public void send(String text) throws IOException {
        var bytes = text.getBytes(UTF_8);
        send(bytes.length, new TextWebSocketFrame(Unpooled.wrappedBuffer(bytes)));
    }

    @Override
    public void send(byte[] bytes) throws IOException {
        send(bytes.length, new BinaryWebSocketFrame(Unpooled.wrappedBuffer(bytes)));
    }

    private void send(int bytes, WebSocketFrame frame) throws IOException {
        if (closing.get()) {
            throw new IOException("the WebSocket to %s is closed"
                    .formatted(connection.channel().remoteAddress()));
        }
        backpressure.send(bytes, written -> {
            if (closeSent || over) {
                frame.release();
                written.setFailure(new IOException("the WebSocket is closed"));
            } else {
                connection.channel().writeAndFlush(frame, written);
            }
        });
    }

    // ---- the thread that receives

    @Override
    public Iterator<Message> iterator() {
        return messages;
    }

    private final class Messages implements Iterator<Message> {
        private @Nullable Message next;
        private boolean ended;

        /** {@return whether it ended because the conversation goes on elsewhere} */
        boolean areLeft() {
            return ended && leaving && !closing.get();
        }

        @Override
        public boolean hasNext() {
            if (next == null && !ended) {
                receive();
            }
            return next != null;
        }

        private void receive() {
            try {
                next = arrived.take().orElse(null);
                ended = next == null;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                ended = true;
            }
            if (!ended && !leaving && arrived.isEmpty()) {
                connection.channel().eventLoop().execute(connection::pull);
            }
        }

        @Override
        public Message next() {
            if (!hasNext() || next == null) {
                throw new NoSuchElementException("the WebSocket is closed");
            }
            var message = next;
            next = null;
            return message;
        }
    }
}

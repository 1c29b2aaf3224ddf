package dev.baton.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;

/**
 * Netty's decoder turned from push to pull: each {@link #pull} lets through one message part (a head without a body
 * comes with its end), and nothing passes unasked.
 *
 * <p>So at most one request is in the works however many a client has pipelined; the rest stays as bytes here, at most
 * one read, and in the kernel, where it pushes back. Bytes behind an {@code Upgrade} are never mistaken for HTTP. And an
 * end of input that arrives behind pipelined requests takes effect behind them: Netty's own handling would decode all
 * that is left at once.
 */
final class Http1Decoder extends HttpRequestDecoder {
    private static final int PIECE_BYTES = 64 << 10;

    private final Http1Connection connection;
    private boolean wanted;
    private boolean startLineSeen;
    private boolean inMessage;
    private boolean inputEnded;
    private ByteBuf inherited = Unpooled.EMPTY_BUFFER;

    /** What was consumed of a head that is not complete; empty in all other cases. */
    private final ByteArrayOutputStream headSoFar = new ByteArrayOutputStream(0);

    Http1Decoder(Http1Connection connection, int headLimit) {
        super(new HttpDecoderConfig()
                .setMaxInitialLineLength(headLimit)
                .setMaxHeaderSize(headLimit)
                .setMaxChunkSize(PIECE_BYTES));
        this.connection = connection;
        setSingleDecode(true);
    }

    /** Event loop: delivers the next part, now or when it arrives. */
    void pull(ChannelHandlerContext ctx) throws Exception {
        wanted = true;
        if (hasBytes() || inherited.isReadable()) {
            var before = inherited;
            inherited = Unpooled.EMPTY_BUFFER;
            channelRead(ctx, before);
            reportHead();
        }
        more(ctx);
    }

    /** Takes what a predecessor had read, as if it had been read here, before anything else is. */
    void inherit(byte[] unread) {
        inherited = Unpooled.wrappedBuffer(unread);
    }

    boolean hasBytes() {
        return actualReadableBytes() > 0;
    }

    boolean hasInputEnded() {
        return inputEnded;
    }

    /** Delivers nothing more until the next {@link #pull}; what is still read is kept. */
    void rest() {
        wanted = false;
    }

    /** Everything that was read behind the last message delivered in full. */
    byte[] unread() {
        var rest = ByteBufUtil.getBytes(internalBuffer());
        var all = Arrays.copyOf(headSoFar.toByteArray(), headSoFar.size() + rest.length);
        System.arraycopy(rest, 0, all, headSoFar.size(), rest.length);
        return all;
    }

    int unreadBytes() {
        return headSoFar.size() + actualReadableBytes();
    }

    @Override
    protected void callDecode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (!wanted) {
            return;
        }
        var begin = in.readerIndex();
        super.callDecode(ctx, in, out);
        if (!out.isEmpty()) {
            wanted = false;
            startLineSeen = false;
            headSoFar.reset();
            inMessage = !(out.getLast() instanceof LastHttpContent);
        } else if (!inMessage && in.readerIndex() > begin) {
            headSoFar.writeBytes(ByteBufUtil.getBytes(in, begin, in.readerIndex() - begin));
        }
    }

    @Override
    protected HttpMessage createMessage(String[] startLine) throws Exception {
        startLineSeen = true;
        return super.createMessage(startLine);
    }

    /** Not the inherited one, which reads on by itself when nothing was decoded, wanted or not. */
    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        discardSomeReadBytes();
        reportHead();
        more(ctx);
        ctx.fireChannelReadComplete();
    }

    private void reportHead() {
        if (wanted && !inMessage && (startLineSeen || hasBytes())) {
            connection.headBegan();
        }
    }

    private void more(ChannelHandlerContext ctx) {
        if (wanted && inputEnded) {
            wanted = false;
            connection.inputEnded();
        } else if (wanted) {
            ctx.read();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
        if (event instanceof ChannelInputShutdownEvent) {
            inputEnded = true;
            more(ctx);
        } else {
            super.userEventTriggered(ctx, event);
        }
    }
}

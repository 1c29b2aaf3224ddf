package dev.baton.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Lets WebSocket frames pass only when they are whole (RFC 6455, section 5.2), so that the decoder behind it holds nothing
 * between two messages, and what is here then is all that was read of the next one.
 */
final class FrameBorders extends ByteToMessageDecoder {
    private final int maxFrame;
    private boolean inMessage;
    private boolean broken;
    private boolean resting;
    private @Nullable Runnable atBorder;

    FrameBorders(int maxFrame) {
        this.maxFrame = maxFrame;
    }

    /** Event loop: lets nothing pass behind the message that has begun, and tells when that has passed. */
    void rest(Runnable rested) {
        if (inMessage) {
            atBorder = rested;
        } else {
            resting = true;
            rested.run();
        }
    }

    /** Event loop: lets pass what has come meanwhile, and whatever comes. */
    void goOn(ChannelHandlerContext ctx) throws Exception {
        resting = false;
        channelRead(ctx, ctx.alloc().buffer(0));
        channelReadComplete(ctx);
    }

    /** {@return what was read behind the last message} */
    byte[] unread() {
        return ByteBufUtil.getBytes(internalBuffer());
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (resting) {
            return;
        }
        var length = broken ? in.readableBytes() : length(in);
        if (length > 0 && length <= in.readableBytes()) {
            var first = in.getByte(in.readerIndex());
            out.add(in.readRetainedSlice((int) length));
            var isControl = (first & 0x08) != 0;
            if (!isControl) {
                inMessage = (first & 0x80) == 0;
            }
            if (!inMessage && atBorder != null) {
                resting = true;
                // Behind what has just passed.
                ctx.executor().execute(atBorder);
                atBorder = null;
            }
        }
    }

    /** Of the first frame, with its head; 0 while that is not known. One that is too long is the decoder's to refuse. */
    private long length(ByteBuf in) {
        var readable = in.readableBytes();
        if (readable < 2) {
            return 0;
        }
        var at = in.readerIndex();
        var second = in.getByte(at + 1);
        var head = 2 + ((second & 0x80) == 0 ? 0 : 4);
        long payload = second & 0x7F;
        if (payload == 126) {
            head += 2;
            payload = readable < 4 ? -1 : in.getUnsignedShort(at + 2);
        } else if (payload == 127) {
            head += 8;
            payload = readable < 10 ? -1 : in.getLong(at + 2);
            broken = readable >= 10 && payload < 0;
        }
        broken |= payload > maxFrame;
        return broken ? readable : payload < 0 ? 0 : head + payload;
    }
}

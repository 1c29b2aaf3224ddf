package dev.baton.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The end of a connection that was answered.
 *
 * <p>A socket closed with unread bytes in its receive buffer, or reached by bytes later, sends a reset, and a reset lets
 * the client's kernel throw away the answer it holds but has not handed to the client (RFC 9112, section 9.6). So only
 * our direction is closed; what still comes is read and thrown away until the client closes too, is silent for
 * {@link #SILENCE}, or has gone on for {@link #LIMIT}.
 */
final class Linger extends ChannelInboundHandlerAdapter {
    static final Duration SILENCE = Duration.ofSeconds(2);
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final long beginNanos = System.nanoTime();
    private long heardNanos = beginNanos;

    private Linger() {}

    /** Event loop; everything owed has been flushed. */
    static void close(Channel channel) {
        if (!channel.isActive() || channel.pipeline().get(Linger.class) != null) {
            return;
        }
        var ssl = channel.pipeline().get(SslHandler.class);
        var linger = new Linger();
        channel.pipeline().addFirst(linger);
        if (ssl == null) {
            linger.shutdownOutput((DuplexChannel) channel);
        } else {
            ssl.closeOutbound().addListener(_ -> linger.shutdownOutput((DuplexChannel) channel));
        }
    }

    private void shutdownOutput(DuplexChannel channel) {
        if (channel.isInputShutdown()) {
            channel.close();
            return;
        }
        channel.shutdownOutput().addListener(done -> {
            if (!done.isSuccess()) {
                channel.close();
            }
        });
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        ctx.channel().config().setAutoRead(true);
        watch(ctx);
    }

    private void watch(ChannelHandlerContext ctx) {
        var now = System.nanoTime();
        var rest = Math.min(heardNanos + SILENCE.toNanos(), beginNanos + LIMIT.toNanos()) - now;
        if (rest <= 0) {
            ctx.close();
        } else if (ctx.channel().isActive()) {
            ctx.executor().schedule(() -> watch(ctx), rest, TimeUnit.NANOSECONDS);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        heardNanos = System.nanoTime();
        ReferenceCountUtil.release(message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }
}

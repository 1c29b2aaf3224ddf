package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import dev.baton.Drained;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http2.DefaultHttp2GoAwayFrame;
import io.netty.handler.codec.http2.DefaultHttp2PingFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2PingFrame;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2StreamFrameToHttpObjectCodec;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/2 connection. It says goodbye in two steps (RFC 9113, section 6.8): a GOAWAY with the highest stream number
 * there is, which asks for no more streams and refuses none; then, when a ping has come back and so whatever the client
 * sent before it knew has arrived, one with the number of the last stream served. It closes when its streams are done.
 */
final class Http2Connection extends ChannelInboundHandlerAdapter implements Connection {
    private enum Stand {
        OPEN,
        ANNOUNCED,
        LAST_STREAM_NAMED,
        CLOSING
    }

    private static final long PING = 0x6261746f6eL;
    private static final long ROUND_TRIP_LIMIT_MS = 1_000;

    private final HttpServer server;
    private final Channel channel;
    private @Nullable ChannelHandlerContext self;
    private Stand stand = Stand.OPEN;
    private int streams;
    private long limitNanos;

    Http2Connection(HttpServer server, Channel channel) {
        this.server = server;
        this.channel = channel;
    }

    /** Puts this connection at the end of its channel's pipeline. */
    void install() {
        var settings = server.settings();
        var codec = Http2FrameCodecBuilder.forServer()
                .initialSettings(Http2Settings.defaultSettings()
                        .maxConcurrentStreams(settings.maxStreams())
                        .maxHeaderListSize(settings.maxHead()))
                .decoupleCloseAndGoAway(true)
                .build();
        var streams = new Http2MultiplexHandler(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel stream) {
                stream.config().setAutoRead(false);
                stream.pipeline()
                        .addLast(
                                new Http2StreamFrameToHttpObjectCodec(true),
                                new Http2Stream(server, Http2Connection.this, stream));
            }
        });
        channel.pipeline().addLast(codec, streams, this);
        channel.config().setAutoRead(true);
    }

    @Override
    public Channel channel() {
        return channel;
    }

    boolean isSecure() {
        return channel.pipeline().get(SslHandler.class) != null;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        self = ctx;
        idle();
        rang();
        if (server.isDraining()) {
            drain();
        }
    }

    void streamBegan() {
        streams++;
    }

    void streamEnded() {
        streams--;
        idle();
        closeIfDone();
    }

    private void idle() {
        limitNanos = System.nanoTime() + server.settings().idleTimeout().toNanos();
    }

    private void rang() {
        var now = System.nanoTime();
        if (stand == Stand.CLOSING || !channel.isActive()) {
            return;
        }
        if (streams > 0) {
            idle();
        } else if (now >= limitNanos) {
            drain();
            return;
        }
        channel.eventLoop().schedule(this::rang, limitNanos - now, TimeUnit.NANOSECONDS);
    }

    @Override
    public void drain() {
        if (stand != Stand.OPEN || self == null) {
            return;
        }
        stand = Stand.ANNOUNCED;
        var announcement = new DefaultHttp2GoAwayFrame(Http2Error.NO_ERROR);
        announcement.setExtraStreamIds(Integer.MAX_VALUE);
        self.write(announcement);
        self.writeAndFlush(new DefaultHttp2PingFrame(PING));
        channel.eventLoop().schedule(this::nameLastStream, ROUND_TRIP_LIMIT_MS, TimeUnit.MILLISECONDS);
    }

    private void nameLastStream() {
        if (stand == Stand.ANNOUNCED && self != null) {
            stand = Stand.LAST_STREAM_NAMED;
            self.writeAndFlush(new DefaultHttp2GoAwayFrame(Http2Error.NO_ERROR)).addListener(_ -> closeIfDone());
        }
    }

    private void closeIfDone() {
        if (stand == Stand.LAST_STREAM_NAMED && streams == 0) {
            stand = Stand.CLOSING;
            channel.eventLoop().execute(() -> Linger.close(channel));
        }
    }

    @Override
    public Drained cut() {
        var result = switch (stand) {
            case CLOSING -> new Drained(1, 0, 0);
            case OPEN, ANNOUNCED, LAST_STREAM_NAMED -> streams == 0 ? new Drained(0, 1, 0) : new Drained(0, 0, streams);
        };
        stand = Stand.CLOSING;
        channel.close();
        return result;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof Http2PingFrame ping && ping.ack() && ping.content() == PING) {
            nameLastStream();
        }
        ReferenceCountUtil.release(message);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        stand = Stand.CLOSING;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.log(System.Logger.Level.DEBUG, () -> channel + " is closed: " + cause);
        ctx.close();
    }
}

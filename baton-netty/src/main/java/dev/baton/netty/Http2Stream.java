package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.DefaultHttp2ResetFrame;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** One HTTP/2 stream: one exchange. Flow control holds the client back, because nothing is read unasked. */
final class Http2Stream extends ChannelInboundHandlerAdapter implements Carrier {
    private final HttpServer server;
    private final Http2Connection connection;
    private final Channel channel;
    private @Nullable Exchange exchange;
    private boolean awaitsContinue;
    private boolean requestRead;
    private boolean headWritten;

    Http2Stream(HttpServer server, Http2Connection connection, Channel channel) {
        this.server = server;
        this.connection = connection;
        this.channel = channel;
    }

    @Override
    public Channel channel() {
        return channel;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        connection.streamBegan();
        channel.closeFuture().addListener(_ -> connection.streamEnded());
        channel.read();
    }

    @Override
    public void pull() {
        if (awaitsContinue && !headWritten) {
            channel.writeAndFlush(new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
        }
        awaitsContinue = false;
        channel.read();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (message instanceof HttpRequest head) {
                begin(head, message instanceof LastHttpContent);
            } else if (message instanceof HttpContent piece) {
                requestRead = message instanceof LastHttpContent;
                if (exchange != null) {
                    exchange.received(piece.content().retain(), requestRead);
                }
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    private void begin(HttpRequest head, boolean complete) {
        requestRead = complete;
        var settings = server.settings();
        var expects = head.headers().get(HttpHeaderNames.EXPECT);
        if (head.headers().size() > settings.maxFields()) {
            refuse(431, "there are more than " + settings.maxFields() + " header fields");
        } else if (HttpUtil.getContentLength(head, 0L) > settings.maxBody()) {
            refuse(413, "the body is longer than " + settings.maxBody() + " bytes");
        } else {
            awaitsContinue = expects != null && !complete;
            try {
                exchange = Exchange.begin(server, this, head, "HTTP/2", connection.isSecure(), !complete);
            } catch (IllegalArgumentException e) {
                refuse(400, "the request target is malformed: " + e.getMessage());
            }
        }
    }

    private void refuse(int status, String reason) {
        var answer = server.decorate(new Refusal(status, reason).response());
        write(Exchange.whole(answer, false), channel.newPromise());
    }

    @Override
    public void write(HttpObject part, ChannelPromise written) {
        if (part instanceof HttpResponse head) {
            headWritten = true;
            server.answering(head.status().code());
        }
        var last = part instanceof LastHttpContent;
        channel.writeAndFlush(part, written);
        if (last) {
            written.addListener(_ -> answered());
        }
    }

    /** What the client still sends nobody reads (RFC 9113, section 8.1). */
    private void answered() {
        if (exchange != null) {
            exchange.end();
        }
        if (!requestRead) {
            reset(Http2Error.NO_ERROR);
        }
    }

    @Override
    public void upgrade(HttpResponse head, Tunnel tunnel) {
        throw new IllegalStateException("HTTP/2 has no 101");
    }

    @Override
    public void abort() {
        reset(Http2Error.INTERNAL_ERROR);
    }

    private void reset(Http2Error error) {
        if (channel.isActive()) {
            channel.writeAndFlush(new DefaultHttp2ResetFrame(error)).addListener(_ -> channel.close());
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (exchange != null) {
            if (!requestRead || !headWritten) {
                exchange.lost(new IOException(channel.parent().remoteAddress() + " gave the stream up"));
            }
            exchange.end();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.log(System.Logger.Level.DEBUG, () -> channel + " is reset: " + cause);
        reset(Http2Error.INTERNAL_ERROR);
    }
}

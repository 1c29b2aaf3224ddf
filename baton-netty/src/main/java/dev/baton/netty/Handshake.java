package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import dev.baton.Drained;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import io.netty.handler.ssl.SslContext;

/** A connection that still agrees on TLS and on the protocol inside it (ALPN). */
final class Handshake extends ApplicationProtocolNegotiationHandler implements Connection {
    private final HttpServer server;
    private final Channel channel;

    Handshake(HttpServer server, Channel channel) {
        super(ApplicationProtocolNames.HTTP_1_1);
        this.server = server;
        this.channel = channel;
    }

    /** Puts TLS and this at the end of its channel's pipeline. */
    void install(SslContext tls) {
        var ssl = tls.newHandler(channel.alloc());
        ssl.setHandshakeTimeoutMillis(server.settings().headerTimeout().toMillis());
        ssl.setCloseNotifyReadTimeoutMillis(0);
        channel.pipeline().addLast(ssl, this);
    }

    @Override
    public Channel channel() {
        return channel;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) throws Exception {
        super.channelActive(ctx);
        ctx.read();
    }

    @Override
    protected void configurePipeline(ChannelHandlerContext ctx, String protocol) {
        if (protocol.equals(ApplicationProtocolNames.HTTP_2)) {
            var connection = new Http2Connection(server, channel);
            server.connections().became(connection);
            connection.install();
        } else {
            var connection = new Http1Connection(server, channel, "");
            server.connections().became(connection);
            connection.install();
        }
    }

    @Override
    public void drain() {}

    @Override
    public Drained cut() {
        channel.close();
        return new Drained(0, 1, 0);
    }

    @Override
    protected void handshakeFailure(ChannelHandlerContext ctx, Throwable cause) {
        LOG.log(
                System.Logger.Level.DEBUG,
                () -> channel.remoteAddress() + " did not agree on TLS: " + cause.getMessage());
        ctx.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        handshakeFailure(ctx, cause);
    }
}

package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import dev.baton.Listener;
import dev.baton.LiveConnection;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Accepts the connections of one listener.
 *
 * <p>What makes a pause certain: it runs on the event loop that accepts. There no accept is half done; switching reading
 * off takes EPOLLIN (or OP_ACCEPT) off the descriptor in that very call; and events the kernel had already reported were
 * dealt with before any task. From any other thread Netty only schedules that, and skips it while a read is pending,
 * which on a listener is always. Netty's own bootstrap is not used because after a failed accept it switches reading
 * back on a second later, paused or not.
 */
final class Acceptor extends ChannelInboundHandlerAdapter {
    private static final int RETRY_MS = 100;
    private static final int TELL_EVERY_S = 10;
    private static final int LOOP_LIMIT_S = 10;

    private final HttpServer server;
    private final Listener listener;
    private final ServerChannel listening;
    private final EventLoopGroup loops;
    private volatile @Nullable SocketAddress onlyClient;
    private boolean paused = true;
    private long toldNanos = System.nanoTime() - TimeUnit.SECONDS.toNanos(TELL_EVERY_S);

    Acceptor(HttpServer server, Listener listener, ServerChannel listening, EventLoopGroup loops) {
        this.server = server;
        this.listener = listener;
        this.listening = listening;
        this.loops = loops;
    }

    /** Registers the listening channel, paused: accepting begins with {@link #resume}. */
    void start() throws Exception {
        listening.pipeline().addLast(this);
        listening.config().setAutoRead(false);
        var registered = loops.register(listening);
        registered.await(LOOP_LIMIT_S, TimeUnit.SECONDS);
        if (!registered.isSuccess()) {
            listening.unsafe().closeForcibly();
            throw new IOException("cannot accept on " + listener.address(), registered.cause());
        }
    }

    /** Binds the channel, where it was opened without a socket of the listener's. {@return its address} */
    InetSocketAddress bind(InetSocketAddress address) throws Exception {
        var bound = listening.bind(address);
        bound.await(LOOP_LIMIT_S, TimeUnit.SECONDS);
        if (!bound.isSuccess()) {
            throw new IOException("cannot bind " + address, bound.cause());
        }
        return (InetSocketAddress) listening.localAddress();
    }

    void pause() throws Exception {
        switchTo(true);
    }

    void resume() throws Exception {
        switchTo(false);
    }

    /** Accepts from one client, and closes what others connect. */
    void resumeFor(SocketAddress client) throws Exception {
        onlyClient = client;
        resume();
    }

    private void switchTo(boolean pause) throws Exception {
        Callable<Void> change = () -> {
            paused = pause;
            listening.config().setAutoRead(!pause);
            return null;
        };
        listening.eventLoop().submit(change).get(LOOP_LIMIT_S, TimeUnit.SECONDS);
    }

    void close() throws InterruptedException {
        listening.close().await(LOOP_LIMIT_S, TimeUnit.SECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        var channel = (Channel) message;
        if (onlyClient != null && !onlyClient.equals(channel.remoteAddress())) {
            channel.unsafe().closeForcibly();
            return;
        }
        channel.config().setAutoRead(false);
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        install(channel);
        loops.register(channel).addListener(registered -> {
            if (!registered.isSuccess()) {
                channel.unsafe().closeForcibly();
                server.connections().closed(channel);
            }
        });
    }

    private void install(Channel channel) {
        var tls = server.tls();
        if (tls.isPresent()) {
            var handshake = new Handshake(server, channel);
            server.connections().accepted(handshake);
            handshake.install(tls.get());
        } else {
            var connection = new Http1Connection(server, channel, listener.name());
            server.connections().accepted(connection);
            connection.install();
        }
    }

    boolean listens(String name) {
        return listener.name().equals(name);
    }

    /** Goes on with a connection that the predecessor had accepted. */
    void adopt(LiveConnection live) {
        var channel = Transport.adopt(listener, live.descriptor());
        channel.config().setAutoRead(false);
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        var connection = new Http1Connection(server, channel, listener.name());
        server.connections().accepted(connection);
        if (live.protocol().equals(HttpServer.PROTOCOL)) {
            connection.inherit(live.idleLeft(), live.unread());
            connection.install();
        } else {
            var backpressure = new Backpressure(channel, server.settings().idleTimeout());
            connection.install(
                    live.protocol().equals(RawTunnel.PROTOCOL)
                            ? new RawTunnel(connection, backpressure)
                            : new WebSocketTunnel(
                                    connection, backpressure, server.settings().maxWebSocketMessage()));
        }
        loops.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                connection.goOn(live.state(), live.unread());
            } else {
                channel.unsafe().closeForcibly();
                server.connections().closed(channel);
                tell(registered.cause());
            }
        });
    }

    /** Say EMFILE: the connection stays in the backlog, and trying at once would only spin. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (System.nanoTime() - toldNanos >= TimeUnit.SECONDS.toNanos(TELL_EVERY_S)) {
            toldNanos = System.nanoTime();
            tell(cause);
        }
        listening.config().setAutoRead(false);
        ctx.executor().schedule(() -> listening.config().setAutoRead(!paused), RETRY_MS, TimeUnit.MILLISECONDS);
    }

    private void tell(Throwable cause) {
        LOG.log(
                Level.WARNING,
                "cannot accept on %s, trying again every %d ms: %s (open: %s)"
                        .formatted(listener.address(), RETRY_MS, cause.getMessage(), server.open()));
    }
}

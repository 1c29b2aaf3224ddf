package dev.baton.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Bytes both ways, as they come. */
final class RawTunnel implements Tunnel, RawConnection {
    private static final Duration FOREVER = Duration.ofNanos(Long.MAX_VALUE);

    /** What an upgraded connection that goes from one generation to the next speaks. */
    static final String PROTOCOL = "raw";

    private final Http1Connection connection;
    private final Outflow out;
    private final CompletableFuture<Void> draining = new CompletableFuture<>();
    private final ByteArrayOutputStream unread = new ByteArrayOutputStream(0);
    private volatile Inflow in;
    private volatile boolean leaving;
    private volatile @Nullable String kind;

    RawTunnel(Http1Connection connection, Backpressure backpressure) {
        this.connection = connection;
        var channel = connection.channel();
        this.in = inflow();
        this.out = new Outflow(channel.alloc(), (piece, last) -> {
            try {
                backpressure.send(piece.readableBytes(), written -> {
                    channel.writeAndFlush(piece, written);
                    if (last) {
                        written.addListener(_ -> connection.tunnelClosed());
                    }
                });
            } catch (IOException e) {
                piece.release();
                throw e;
            }
        });
    }

    private Inflow inflow() {
        // Asked for each time: one that was taken over is made before it has an event loop.
        Executor loop = task -> connection.channel().eventLoop().execute(task);
        return new Inflow(loop, connection::pull, Long.MAX_VALUE, FOREVER);
    }

    void run(RawHandler handler, Consumer<Throwable> broken) {
        kind = handler instanceof Portable portable ? portable.kind() : null;
        var input = in;
        try {
            handler.converse(this);
            if (leaving && handler instanceof Portable portable) {
                out.flush();
                connection.handOver(portable);
            } else {
                out.close();
            }
        } catch (Throwable e) {
            broken.accept(e);
            out.discard();
            abort();
        } finally {
            input.close();
        }
    }

    @Override
    public void opened(ChannelHandlerContext connection) {}

    @Override
    public void received(Object message) {
        var bytes = (ByteBuf) message;
        if (leaving) {
            unread.writeBytes(ByteBufUtil.getBytes(bytes));
            bytes.release();
        } else {
            in.offer(bytes);
        }
    }

    @Override
    public void ended(boolean orderly) {
        if (orderly) {
            in.end();
        } else {
            in.fail(new IOException("the connection to %s is lost".formatted(remote())));
        }
    }

    @Override
    public void drain() {
        draining.complete(null);
    }

    // ---- to the successor

    @Override
    public String protocol() {
        return PROTOCOL;
    }

    @Override
    public @Nullable String kind() {
        return kind;
    }

    @Override
    public void rest() {
        leaving = true;
        in.end();
    }

    @Override
    public byte[] unread() {
        return unread.toByteArray();
    }

    @Override
    public void goOn(String taken, byte[] state, byte[] more, Consumer<Throwable> broken) {
        kind = taken;
        in = inflow();
        in.offer(Unpooled.wrappedBuffer(unread.toByteArray(), more));
        unread.reset();
        leaving = false;
        Thread.ofVirtual().start(() -> {
            RawHandler handler;
            try {
                handler = connection.server().rawFrom(taken, state);
            } catch (RuntimeException e) {
                broken.accept(e);
                abort();
                return;
            }
            run(handler, broken);
        });
    }

    private void abort() {
        try {
            connection.channel().eventLoop().execute(connection::abort);
        } catch (RejectedExecutionException e) {
            // The loop has ended, and its connections with it.
        }
    }

    // ---- any thread

    @Override
    public InputStream in() {
        return in;
    }

    @Override
    public OutputStream out() {
        return out;
    }

    @Override
    public SocketAddress remote() {
        return Transport.address(connection.channel());
    }

    @Override
    public void onDrain(Runnable action) {
        var _ = draining.thenRun(() -> Thread.ofVirtual().start(action));
    }
}

package dev.baton.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelPromise;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Lets a thread that writes run ahead of the network only so far. */
final class Backpressure {
    private static final int AHEAD_BYTES = 64 << 10;

    private final Channel channel;
    private final Duration patience;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition taken = lock.newCondition();
    private int inFlightBytes;
    private @Nullable IOException failure;

    Backpressure(Channel channel, Duration patience) {
        this.channel = channel;
        this.patience = patience;
    }

    /**
     * Has something written by the event loop, and first waits while too much is on its way.
     *
     * @param bytes its size
     * @param write runs on the event loop unless this throws
     * @throws IOException if something before it could not be written, or nothing was taken for too long
     */
    void send(int bytes, Consumer<ChannelPromise> write) throws IOException {
        reserve(bytes);
        var written = channel.newPromise().addListener(sent -> taken(bytes, sent.cause()));
        try {
            channel.eventLoop().execute(() -> write.accept(written));
        } catch (RejectedExecutionException e) {
            throw new IOException("the server has ended", e);
        }
    }

    private void reserve(int bytes) throws IOException {
        lock.lock();
        try {
            while (failure == null && inFlightBytes >= AHEAD_BYTES) {
                if (!taken.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
                    failure = new IOException(
                            "%s took nothing for %d ms".formatted(channel.remoteAddress(), patience.toMillis()));
                }
            }
            if (failure != null) {
                throw failure;
            }
            inFlightBytes += bytes;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the client takes what came before", e);
        } finally {
            lock.unlock();
        }
    }

    private void taken(int bytes, @Nullable Throwable cause) {
        lock.lock();
        try {
            inFlightBytes -= bytes;
            if (cause != null && failure == null) {
                failure = new IOException("the connection to %s is lost".formatted(channel.remoteAddress()), cause);
            }
            taken.signalAll();
        } finally {
            lock.unlock();
        }
    }
}

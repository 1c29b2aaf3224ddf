package dev.baton.netty;

import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Bytes from the network as a stream. One thread reads; the event loop is asked for more only when nothing is left. */
final class Inflow extends InputStream {
    private final Executor eventLoop;
    private final Runnable pull;
    private final long limit;
    private final Duration patience;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<ByteBuf> arrived = new ArrayDeque<>();
    private boolean asked;
    private boolean ended;
    private boolean closed;
    private @Nullable IOException failure;
    private long readBytes;

    /**
     * @param pull run on the event loop to take the next piece from the network
     * @param limit how many bytes may come
     * @param patience how long one may take
     */
    Inflow(Executor eventLoop, Runnable pull, long limit, Duration patience) {
        this.eventLoop = eventLoop;
        this.pull = pull;
        this.limit = limit;
        this.patience = patience;
    }

    /** Event loop: a piece arrived. Takes it over. */
    void offer(ByteBuf piece) {
        lock.lock();
        try {
            asked = false;
            if (closed || !piece.isReadable()) {
                piece.release();
            } else {
                arrived.add(piece);
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Event loop: that was all. */
    void end() {
        lock.lock();
        try {
            ended = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Any thread: no more will come, and that is an error unless the end was seen. */
    void fail(IOException cause) {
        lock.lock();
        try {
            if (!ended && failure == null) {
                failure = cause;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, into.length);
        if (length == 0) {
            return 0;
        }
        lock.lock();
        try {
            var piece = await();
            if (piece == null) {
                return -1;
            }
            var n = Math.min(length, piece.readableBytes());
            piece.readBytes(into, offset, n);
            if (!piece.isReadable()) {
                arrived.remove().release();
            }
            readBytes += n;
            if (readBytes > limit) {
                failure = new Refusal(413, "the body is longer than " + limit + " bytes");
                throw failure;
            }
            return n;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for the client", e);
        } finally {
            lock.unlock();
        }
    }

    private @Nullable ByteBuf await() throws IOException, InterruptedException {
        while (!closed && arrived.isEmpty() && !ended && failure == null) {
            if (!asked) {
                asked = true;
                ask();
            }
            if (!changed.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
                failure = new Refusal(408, "the client sent nothing for " + patience.toMillis() + " ms");
            }
        }
        if (closed) {
            throw new IOException("the stream is closed");
        }
        if (failure != null && (arrived.isEmpty() || failure instanceof Refusal)) {
            throw failure;
        }
        return arrived.peek();
    }

    private void ask() throws IOException {
        try {
            eventLoop.execute(pull);
        } catch (RejectedExecutionException e) {
            throw new IOException("the server has ended", e);
        }
    }

    @Override
    public int available() {
        lock.lock();
        try {
            var first = arrived.peek();
            return first == null ? 0 : first.readableBytes();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            arrived.forEach(ByteBuf::release);
            arrived.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}

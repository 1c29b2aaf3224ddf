package dev.baton.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Objects;

/** A stream to the network in pieces. Belongs to one thread. */
final class Outflow extends OutputStream {
    /** Where pieces go. Takes the piece over. */
    interface Sink {
        void accept(ByteBuf piece, boolean last) throws IOException;
    }

    private static final int PIECE_BYTES = 16 << 10;

    private final ByteBufAllocator allocator;
    private final Sink sink;
    private ByteBuf piece = Unpooled.EMPTY_BUFFER;
    private boolean sent;
    private boolean closed;

    Outflow(ByteBufAllocator allocator, Sink sink) {
        this.allocator = allocator;
        this.sink = sink;
    }

    @Override
    public void write(int b) throws IOException {
        room().writeByte(b);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        for (var done = 0; done < length; ) {
            var room = room();
            var n = Math.min(length - done, room.writableBytes());
            room.writeBytes(bytes, offset + done, n);
            done += n;
        }
    }

    private ByteBuf room() throws IOException {
        if (closed) {
            throw new IOException("the stream is closed");
        }
        if (!piece.isWritable()) {
            if (piece.isReadable()) {
                send(false);
            }
            piece = allocator.buffer(PIECE_BYTES, PIECE_BYTES);
        }
        return piece;
    }

    /** Sends what is there; the first time even if that is nothing, so that a head goes out. */
    @Override
    public void flush() throws IOException {
        if (!closed && (piece.isReadable() || !sent)) {
            send(false);
        }
    }

    /** Sends the rest as the last piece. */
    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            send(true);
        }
    }

    /** Forgets what has not been sent. */
    void discard() {
        closed = true;
        piece.release();
        piece = Unpooled.EMPTY_BUFFER;
    }

    private void send(boolean last) throws IOException {
        var out = piece;
        piece = Unpooled.EMPTY_BUFFER;
        sent = true;
        sink.accept(out, last);
    }
}

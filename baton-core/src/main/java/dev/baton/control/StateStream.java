package dev.baton.control;

import dev.baton.linux.OwnedDescriptor;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Objects;

/**
 * State of any length on its way through a pipe, in chunks: four bytes of length, the bytes; a chunk of length zero ends
 * it. Without that end a reader could not tell a whole state from one whose writer was killed in the middle.
 *
 * <p>A pipe's descriptor becomes a stream of the JDK by opening {@code /proc/self/fd/N} (proc(5)): it is another
 * descriptor of the same pipe.
 */
public final class StateStream {
    private static final int CHUNK_BYTES = 64 * 1024;

    private StateStream() {}

    /**
     * The stream to write a state to; {@link OutputStream#close} marks it as whole.
     *
     * @param writeEnd the write end of a pipe; closed in any case
     * @return the stream; writing to it fails once the reader is gone
     * @throws IOException if the descriptor cannot be opened
     */
    public static Writer writer(OwnedDescriptor writeEnd) throws IOException {
        try (writeEnd) {
            return new Writer(new FileOutputStream("/proc/self/fd/" + writeEnd.number()));
        }
    }

    /**
     * The stream to read a state from; a state that ends early is an {@link EOFException}.
     *
     * @param readEnd the read end of a pipe; closed in any case
     * @return the stream
     * @throws IOException if the descriptor cannot be opened
     */
    public static InputStream reader(OwnedDescriptor readEnd) throws IOException {
        try (readEnd) {
            return new Reader(new FileInputStream("/proc/self/fd/" + readEnd.number()));
        }
    }

    /** Writes chunks. */
    public static final class Writer extends OutputStream {
        private final DataOutputStream pipe;
        private final OutputStream chunks = new BufferedOutputStream(new Chunks(), CHUNK_BYTES);
        private boolean closed;

        Writer(OutputStream pipe) {
            this.pipe = new DataOutputStream(pipe);
        }

        @Override
        public void write(int b) throws IOException {
            chunks.write(b);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            chunks.write(bytes, offset, length);
        }

        @Override
        public void flush() throws IOException {
            chunks.flush();
        }

        /** Ends the state as a whole one. */
        @Override
        public void close() throws IOException {
            if (!closed) {
                closed = true;
                try (pipe) {
                    chunks.flush();
                    pipe.writeInt(0);
                }
            }
        }

        /**
         * Ends the state as a broken one: the reader gets an error, not the end.
         *
         * @throws IOException if even that fails
         */
        public void abort() throws IOException {
            closed = true;
            pipe.close();
        }

        private final class Chunks extends OutputStream {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                if (length > 0) {
                    pipe.writeInt(length);
                    pipe.write(bytes, offset, length);
                }
            }
        }
    }

    private static final class Reader extends InputStream {
        private final DataInputStream pipe;
        private int left;
        private boolean ended;

        Reader(InputStream pipe) {
            this.pipe = new DataInputStream(new BufferedInputStream(pipe, CHUNK_BYTES));
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, bytes.length);
            if (length == 0) {
                return 0;
            }
            if (left == 0 && !nextChunk()) {
                return -1;
            }
            int read = pipe.read(bytes, offset, Math.min(length, left));
            if (read < 0) {
                throw new EOFException("the state ended in the middle: its writer failed or was killed");
            }
            left -= read;
            return read;
        }

        private boolean nextChunk() throws IOException {
            if (ended) {
                return false;
            }
            try {
                left = pipe.readInt();
            } catch (EOFException e) {
                throw new EOFException("the state ended in the middle: its writer failed or was killed");
            }
            if (left < 0) {
                throw new IOException("the state's chunks are damaged: one announces a length of " + left);
            }
            ended = left == 0;
            return !ended;
        }

        @Override
        public void close() throws IOException {
            pipe.close();
        }
    }
}

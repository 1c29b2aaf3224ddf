package sun.nio.ch;

import java.io.FileDescriptor;
import java.io.IOException;

/**
 * The private native methods of the JDK's sockets, as {@link BatonTraffic} calls them. The calls of the two classes inside
 * are written to the placeholders here; before they are defined, as nestmates of the classes that own the methods, those
 * calls are redirected to the methods themselves.
 */
abstract class BatonNatives {
    private BatonNatives() {}

    private static AssertionError placeholder() {
        return new AssertionError("a placeholder");
    }

    static int read0(FileDescriptor fd, long address, int length) throws IOException {
        throw placeholder();
    }

    static long readv0(FileDescriptor fd, long address, int length) throws IOException {
        throw placeholder();
    }

    static int write0(FileDescriptor fd, long address, int length) throws IOException {
        throw placeholder();
    }

    static long writev0(FileDescriptor fd, long address, int length) throws IOException {
        throw placeholder();
    }

    static void close0(FileDescriptor fd) throws IOException {
        throw placeholder();
    }

    static void preClose0(FileDescriptor fd) throws IOException {
        throw placeholder();
    }

    /** Those of {@link SocketDispatcher}. */
    abstract static class Transfer {
        abstract int read(FileDescriptor fd, long address, int length) throws IOException;

        abstract long readv(FileDescriptor fd, long address, int length) throws IOException;

        abstract int write(FileDescriptor fd, long address, int length) throws IOException;

        abstract long writev(FileDescriptor fd, long address, int length) throws IOException;
    }

    /** Those of {@link UnixDispatcher}. */
    abstract static class Closing {
        abstract void close(FileDescriptor fd) throws IOException;

        abstract void preClose(FileDescriptor fd) throws IOException;
    }
}

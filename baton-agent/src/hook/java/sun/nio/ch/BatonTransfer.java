package sun.nio.ch;

import java.io.FileDescriptor;
import java.io.IOException;

/** See {@link BatonNatives}. */
final class BatonTransfer extends BatonNatives.Transfer {
    @Override
    int read(FileDescriptor fd, long address, int length) throws IOException {
        return BatonNatives.read0(fd, address, length);
    }

    @Override
    long readv(FileDescriptor fd, long address, int length) throws IOException {
        return BatonNatives.readv0(fd, address, length);
    }

    @Override
    int write(FileDescriptor fd, long address, int length) throws IOException {
        return BatonNatives.write0(fd, address, length);
    }

    @Override
    long writev(FileDescriptor fd, long address, int length) throws IOException {
        return BatonNatives.writev0(fd, address, length);
    }
}

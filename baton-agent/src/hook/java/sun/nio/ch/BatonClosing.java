package sun.nio.ch;

import java.io.FileDescriptor;
import java.io.IOException;

/** See {@link BatonNatives}. */
final class BatonClosing extends BatonNatives.Closing {
    @Override
    void close(FileDescriptor fd) throws IOException {
        BatonNatives.close0(fd);
    }

    @Override
    void preClose(FileDescriptor fd) throws IOException {
        BatonNatives.preClose0(fd);
    }
}

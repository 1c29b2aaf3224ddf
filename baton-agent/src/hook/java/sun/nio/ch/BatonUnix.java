package sun.nio.ch;

import java.io.FileDescriptor;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

/** What {@link ServerSocketChannelImpl} calls in place of methods of {@link UnixDomainSockets}; see {@link BatonHook}. */
public final class BatonUnix {
    // A name the JDK has made up is another one in each generation.
    private static volatile Path madeUp;

    private BatonUnix() {}

    static UnixDomainSocketAddress generateTempName() throws IOException {
        var address = UnixDomainSockets.generateTempName();
        madeUp = address.getPath();
        return address;
    }

    static void bind(FileDescriptor fd, Path path) throws IOException {
        if (path == madeUp || !BatonHook.adopted(fd, UnixDomainSocketAddress.of(path))) {
            try {
                UnixDomainSockets.bind(fd, path);
            } catch (IOException e) {
                throw BatonHook.refused(fd, e);
            }
        }
    }

    static UnixDomainSocketAddress localAddress(FileDescriptor fd) throws IOException {
        return BatonHook.known(fd) instanceof UnixDomainSocketAddress known
                ? known
                : UnixDomainSockets.localAddress(fd);
    }
}

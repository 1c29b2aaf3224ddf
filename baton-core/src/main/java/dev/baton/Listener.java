package dev.baton;

import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.ServerSocketChannel;

/**
 * A listening socket with a name: inherited from the incumbent or bound by this generation. The socket belongs to Baton,
 * which keeps it to hand it on; a server works on a duplicate of the descriptor. Safe for use by any thread.
 */
public interface Listener {
    /** {@return the name under which generations know it} */
    String name();

    /**
     * {@return the address it is bound to, as the kernel tells it: an {@link java.net.InetSocketAddress} with its real
     * port, or a {@link java.net.UnixDomainSocketAddress}}
     */
    SocketAddress address();

    /** {@return whether it came from the incumbent} */
    boolean isInherited();

    /**
     * A new descriptor of the listening socket for a native transport, say {@code new EpollServerSocketChannel(fd)}. It is
     * close-on-exec, and it is the caller's to close.
     *
     * <p>The status flags belong to the socket, not to the descriptor, and are shared between generations: the socket is
     * non-blocking and must stay so. Remove the descriptor from epoll before closing it: while another process holds the
     * socket, closing does not (epoll(7), "Questions and answers", 6).
     *
     * @return the number of the new descriptor
     * @throws IOException if no descriptor is left, or the listener is closed
     */
    int duplicate() throws IOException;

    /**
     * The listening socket as a channel of the JDK, for servers that take one. Each call makes a new channel over a
     * duplicate; closing it leaves the listener open.
     *
     * <p>The JDK has no public way from a descriptor to a channel. This uses the constructor of the JDK's own channel and
     * needs {@code --add-opens java.base/sun.nio.ch=ALL-UNNAMED} (or {@code =dev.baton} on the module path), or
     * {@code Add-Opens: java.base/sun.nio.ch} in the manifest of an executable jar.
     *
     * @return a bound channel in blocking mode as seen by the JDK
     * @throws IOException if that package is not open, with the flag to add, or no descriptor is left
     */
    ServerSocketChannel channel() throws IOException;
}

package dev.baton.netty;

import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketAddress;

/** A connection after {@code 101 Switching Protocols}: bytes in, bytes out. */
public interface RawConnection {
    /** {@return what the client sends; blocks, ends with the client's end of stream, throws when the connection breaks} */
    InputStream in();

    /** {@return what the client receives; flush sends, and a write waits while the client does not take what came before} */
    OutputStream out();

    /** {@return the client's address} */
    SocketAddress remote();

    /**
     * Asks to be told when draining begins, to say goodbye in the protocol's own way: the connection is left alone until
     * the deadline and then cut.
     *
     * @param action run once on a virtual thread, at once when draining has begun already
     */
    void onDrain(Runnable action);
}

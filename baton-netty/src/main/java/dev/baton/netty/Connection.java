package dev.baton.netty;

import dev.baton.Drained;
import io.netty.channel.Channel;

/** An accepted connection, whatever it speaks. Owned by its event loop: all but {@link #channel} is called there. */
sealed interface Connection permits Handshake, Http1Connection, Http2Connection {
    Channel channel();

    /** Draining has begun: announce it if the protocol can do so unasked. */
    void drain();

    /** The deadline has passed: close at once, and say what that interrupted. */
    Drained cut();
}

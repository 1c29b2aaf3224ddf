package dev.baton.netty;

import io.netty.channel.ChannelHandlerContext;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What a connection carries after an upgrade. Called by its event loop. */
sealed interface Tunnel permits RawTunnel, WebSocketTunnel {
    /** The 101 is sent: puts its own codec behind the place where the one for HTTP was. */
    void opened(ChannelHandlerContext connection);

    /** Something arrived; the tunnel releases it. */
    void received(Object message);

    /** The client sends no more: by an orderly end, or because the connection is gone. */
    void ended(boolean orderly);

    /** Draining has begun. */
    void drain();

    // ---- to the successor

    /** What the connection speaks, in words that two generations agree on. */
    String protocol();

    /** The kind of the conversation if it is {@link Portable} and goes on, else null. */
    @Nullable
    String kind();

    /** Ends the input for the handler, behind what is whole; it then calls {@link Http1Connection#handOver}. */
    void rest();

    /** What was read since it rests. */
    byte[] unread();

    /**
     * Goes on with a conversation, of the predecessor or of this generation.
     *
     * @param kind its kind
     * @param state where it stands
     * @param unread what was read of it, if it comes from elsewhere
     * @param broken told if it breaks down
     */
    void goOn(String kind, byte[] state, byte[] unread, Consumer<Throwable> broken);
}

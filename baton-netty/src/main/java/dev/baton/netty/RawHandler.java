package dev.baton.netty;

/** Speaks the protocol a connection was upgraded to. */
@FunctionalInterface
public interface RawHandler {
    /**
     * Converses until the end; the connection is closed when it returns.
     *
     * @param connection the bytes of both directions
     * @throws Exception if the conversation broke down; it is logged and the connection reset
     */
    void converse(RawConnection connection) throws Exception;
}

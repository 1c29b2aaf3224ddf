package dev.baton.netty;

/** One side of a WebSocket conversation. */
@FunctionalInterface
public interface WebSocketHandler {
    /**
     * Converses until the end; when it returns the socket is closed with code 1000 (normal), when it throws with 1011.
     *
     * @param socket the open socket
     * @throws Exception if the conversation broke down; it is logged
     */
    void converse(WebSocket socket) throws Exception;
}

package dev.baton.netty;

/**
 * What a {@link WebSocketHandler} or a {@link RawHandler} implements when its conversation need not end with its
 * generation. Such a conversation goes to the successor with its connection, and its client sees nothing of it; any other
 * is closed (a WebSocket with code 1001).
 *
 * <pre>
 * converse ──▶ the input ends, everything received ──▶ converse returns ──▶ handOver ──▶ the successor's takeOver, converse
 * </pre>
 *
 * <p>When the drain begins the input ends as if the client had ended it: iterating over a {@link WebSocket} stops behind the
 * last whole message that was read, {@link RawConnection#in} behind the last byte that was read. What has been received by
 * then is this generation's to answer; what comes later is the next one's. Then {@code converse} is to return, and the
 * state says what the next one must know.
 *
 * <p>Should the successor not take it, the same state is taken over in this generation.
 *
 * @see HttpServer.Builder#takeOverWebSocket
 * @see HttpServer.Builder#takeOverRaw
 */
public interface Portable {
    /** {@return the name by which the next generation finds who goes on: one given to {@code takeOver…}, else it is closed} */
    String kind();

    /**
     * What the next generation must know. Called once, by the thread of {@code converse}, after that has returned because
     * the input ended for a hand-over.
     *
     * @return the state; with the name, and what was read of a message that is not whole, at most
     *     {@link dev.baton.LiveConnection#MOST_UNREAD_BYTES}, or the conversation stays in this generation
     */
    byte[] handOver();
}

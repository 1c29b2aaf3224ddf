package dev.baton.netty;

import java.io.IOException;
import java.util.Iterator;

/**
 * An open WebSocket (RFC 6455). Iterating receives: {@code hasNext} waits for the next message and is false once either
 * side has closed. One thread receives; any may send.
 *
 * <p>Pings are answered and fragments put together by the server. When draining begins it sends close code 1001 (going
 * away) at once: what the client sent before its own close is still received, sending fails.
 */
public interface WebSocket extends Iterable<WebSocket.Message> {
    /** What the client sent. */
    sealed interface Message {}

    /**
     * A text message.
     *
     * @param text its text
     */
    record Text(String text) implements Message {}

    /**
     * A binary message.
     *
     * @param bytes its content, not copied
     */
    @SuppressWarnings("ArrayRecordComponent") // a copy for each message would cost more than equality is worth
    record Binary(byte[] bytes) implements Message {}

    /** {@return the one iterator over what arrives} */
    @Override
    Iterator<Message> iterator();

    /**
     * Sends a text message; waits while the client does not take what came before.
     *
     * @param text the text
     * @throws IOException if the socket is closed or closing
     */
    void send(String text) throws IOException;

    /**
     * Sends a binary message; waits while the client does not take what came before.
     *
     * @param bytes the content; must not be changed afterwards
     * @throws IOException if the socket is closed or closing
     */
    void send(byte[] bytes) throws IOException;

    /**
     * Begins to close. Has no effect when closing has begun.
     *
     * @param code a close code of RFC 6455, section 7.4
     * @param reason at most 123 bytes of UTF-8, may be empty
     */
    void close(int code, String reason);

    /** {@return the code the client closed with, 1005 if it named none, 1006 while or if there was no close frame} */
    int closeCode();
}

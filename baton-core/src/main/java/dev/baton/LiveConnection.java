package dev.baton;

import java.time.Duration;

/**
 * An established connection between two messages, as it goes from one generation to the next. What is still in the kernel
 * travels with the descriptor.
 *
 * @param listener the name of the listener that accepted it
 * @param protocol what it speaks, in words that the two servers agree on
 * @param idleLeft how much longer it may stand idle
 * @param unread what was read of it and belongs to a message not yet begun; at most {@link #MOST_UNREAD_BYTES} together
 *     with the state
 * @param state what else its new owner must know; empty when nothing
 * @param descriptor the number of its socket's descriptor
 */
@SuppressWarnings("ArrayRecordComponent") // bytes on their way, never compared
public record LiveConnection(
        String listener, String protocol, Duration idleLeft, byte[] unread, byte[] state, int descriptor) {
    /** The most bytes that can travel with a connection. */
    public static final int MOST_UNREAD_BYTES = dev.baton.handover.Departures.MOST_UNREAD_BYTES;
}

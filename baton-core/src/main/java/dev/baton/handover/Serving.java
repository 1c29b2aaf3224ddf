package dev.baton.handover;

import dev.baton.control.Message;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * What a handover moves: the part of a generation that accepts connections. In self-succession it is in this process;
 * supervised, it is at the other end of a link. Called on the loop's thread; none of the methods blocks, and the futures
 * may be completed by any thread.
 */
public interface Serving {
    /** {@return done when not one more connection will be taken} */
    CompletableFuture<Void> pause();

    /** {@return done when connections are taken; a drain that runs is called off first} */
    CompletableFuture<Void> resume();

    /**
     * Finishes what was accepted, taking nothing new.
     *
     * @param limit after which the rest is cut
     * @return what was finished and cut; never completed when the drain was called off
     */
    CompletableFuture<Message.Drained> drain(Duration limit);

    /** Lets the drain's limit pass now. */
    void hurry();

    /**
     * Opens a way to the successor for live connections, to be used by the drain that follows.
     *
     * @param way this end of it, the receiver's to close
     * @param successor the process at the other end
     */
    default void moveTo(PacketSocket way, long successor) {
        way.close();
    }

    /**
     * Whether a predecessor's connection could be gone on with.
     *
     * @param connection what is known of it
     * @return whether {@link #take} would succeed
     */
    default boolean wants(Message.Live connection) {
        return false;
    }

    /**
     * Goes on with a predecessor's connection, which now belongs here.
     *
     * @param connection what is known of it
     * @param descriptor its socket, the receiver's to close
     */
    default void take(Message.Live connection, OwnedDescriptor descriptor) {
        descriptor.close();
    }
}

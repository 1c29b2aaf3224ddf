package dev.baton.handover;

import dev.baton.control.Message;
import dev.baton.linux.Descriptor;
import dev.baton.linux.OwnedDescriptor;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a successor can ask for. Called on the loop's thread. */
public interface Offers {
    /**
     * A listener and its descriptor.
     *
     * @param message what is said of it
     * @param descriptor the listening socket; stays the offerer's
     */
    record OfferedListener(Message.Listener message, Descriptor descriptor) {}

    /** {@return the names of the listeners} */
    List<String> listenerNames();

    /**
     * A listener.
     *
     * @param name its name
     * @return the listener, or null when there is none of that name
     */
    @Nullable
    OfferedListener listener(String name);

    /** {@return the names of the states} */
    List<String> stateNames();

    /**
     * Begins to write a state.
     *
     * @param name its name
     * @return the read end of the pipe it is written to, the caller's; or null when there is none of that name
     * @throws IOException if no pipe can be had
     */
    @Nullable
    OwnedDescriptor state(String name) throws IOException;

    /**
     * A supervised generation has bound a listener.
     *
     * @param message what is said of it
     * @param descriptor the listening socket, the receiver's now
     */
    default void offered(Message.Listener message, OwnedDescriptor descriptor) {
        descriptor.close();
    }
}

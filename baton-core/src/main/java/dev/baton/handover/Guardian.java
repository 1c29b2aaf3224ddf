package dev.baton.handover;

import dev.baton.linux.OwnedDescriptor;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Acts for an application that knows nothing of Baton. Such an application opens and closes its listeners by itself, so
 * they are looked at each time they matter. Called on the loop's thread; nothing here waits.
 */
public interface Guardian {
    /**
     * The system property that is set once this process has joined, by itself or through the agent: they have nothing else
     * in common, since each has its own copy of these classes.
     */
    String JOINED = "dev.baton.joined";

    /** {@return the listeners the application has open now} */
    List<Offers.OfferedListener> listeners();

    /** {@return why a successor cannot take over from this application; asked before one is started} */
    Optional<String> obstacle();

    /** What a generation offers to a guardian: what {@link dev.baton.Baton#join} returns is one of these too. */
    interface Ward {
        /**
         * Names who acts for the application.
         *
         * @param guardian who is asked from now on
         */
        void entrust(Guardian guardian);

        /** The application has opened a listener; said after {@link Guardian#listeners} tells it, from any thread. */
        void opened();

        /** {@return the names of the listeners the incumbent offers; empty in a first generation} */
        List<String> inheritable();

        /**
         * Takes a listener from the incumbent. Waits for its answer.
         *
         * @param name one of {@link #inheritable}
         * @return the listening socket, the caller's to close; empty if the incumbent has none of that name any more
         * @throws IOException if it does not answer
         */
        Optional<OwnedDescriptor> take(String name) throws IOException;
    }
}

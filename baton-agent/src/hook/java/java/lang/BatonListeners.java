package java.lang;

import java.net.SocketAddress;

/**
 * Whoever is asked and told when an application opens a listener: the agent, in its own class loader. It is in a package that
 * every class sees. All know a socket by the number of its descriptor. For any thread.
 */
public interface BatonListeners {
    /** {@return whether a socket about to be bound there was given an inherited listener instead} */
    boolean adopt(int number, SocketAddress address);

    /** Makes an adopted socket stand for a private listener; the backlog is the one wanted. */
    void fence(int number, int backlog);

    /** A socket has begun to listen. */
    void listening(int number);

    /** A socket could not be bound. */
    void refused(int number, String why);

    /**
     * {@return whether an inherited listener was put in the place of a socket, and it tells not of that any more, or soon will
     * not}
     */
    boolean isAdopted(int number);
}

package dev.baton;

import java.time.Duration;
import java.util.function.Consumer;

/**
 * The way by which a draining server gives live connections to its successor, instead of closing them. Safe for use by any
 * thread.
 */
public interface Passage {
    /**
     * {@return whether it leads somewhere: false once the successor has left, refused or not answered in time, and then for
     * good}
     */
    boolean isOpen();

    /** {@return over how long to spread the connections, so that a cold successor does not meet all at once; zero for now} */
    Duration pace();

    /**
     * Gives a connection away. Nobody may read from it, write to it or change it until it is settled: it must be out of
     * epoll, and nothing may be owed. Does not block.
     *
     * @param connection the connection; its descriptor stays the caller's and may be closed when this returns
     * @param settled told once, on a thread that must not be kept: true when the successor has the connection, and the
     *     caller's descriptor is to be closed without a word to the client; false when it stays
     */
    void give(LiveConnection connection, Consumer<Boolean> settled);
}

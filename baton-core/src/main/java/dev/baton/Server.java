package dev.baton;

/**
 * What Baton asks of the part of an application that accepts connections: four obligations. A server is attached in the
 * paused state, so that a successor accepts nothing before the incumbent has stopped, and a successor that fails before
 * that has nothing to lose.
 *
 * <pre>
 *   attached ──▶ paused ──resume──▶ accepting ──pause──▶ paused ──drain──▶ drained
 *                   ▲                   ▲                   │                │
 *                   └─── pause ─────────┘◀──── resume ──────┴── calls it off ┘
 * </pre>
 *
 * <p>Each is called on a thread that may block. {@link #pause} and {@link #resume} never run at the same time, and both do
 * nothing when there is nothing to do. {@link #resume} may come while {@link #drain} runs on another thread.
 */
public interface Server {
    /**
     * Stops accepting without closing anything. When it returns, this process takes not one more connection from the
     * listener: what arrives waits in the kernel's backlog for whoever accepts next. Connections that were accepted go
     * on as before, with no word to their clients.
     *
     * @throws Exception if it could not be done; the server must then be accepting as before
     */
    void pause() throws Exception;

    /**
     * Begins to accept, for the first time or again. A drain that runs is called off: it returns at once, with nothing cut,
     * and no close is announced any more.
     *
     * @throws Exception if it cannot; the server must then be paused
     */
    void resume() throws Exception;

    /**
     * Finishes what was accepted and announces the close to every client by the protocol's own means. Returns when
     * nothing is open, or when the deadline has passed and the rest has been cut and counted. Called after
     * {@link #pause}; without it only where pausing fails or hangs, and then it is good to stop accepting here.
     *
     * @param deadline when to stop being polite
     * @return what finished and what was cut
     * @throws Exception if draining broke down; whatever is open is lost when the process exits
     */
    Drained drain(Deadline deadline) throws Exception;

    /**
     * As {@link #drain(Deadline)}, where live connections need not end but can go to the successor. What the successor does
     * not take is drained as without.
     *
     * @param deadline when to stop being polite
     * @param passage the way to the successor
     * @return what finished, what went, and what was cut
     * @throws Exception if draining broke down; whatever is open is lost when the process exits
     */
    default Drained drain(Deadline deadline, Passage passage) throws Exception {
        return drain(deadline);
    }

    /**
     * Whether this server could go on with a connection of its predecessor. Must not block.
     *
     * @param connection the connection; its descriptor is not to be touched
     * @return whether {@link #adopt} would succeed
     */
    default boolean canAdopt(LiveConnection connection) {
        return false;
    }

    /**
     * Goes on with a connection of the predecessor, which is this process' own from now on. Must not block; what goes wrong
     * ends the connection and is logged.
     *
     * @param connection the connection; its descriptor is the server's to close
     */
    default void adopt(LiveConnection connection) {
        throw new UnsupportedOperationException("this server adopts no connections");
    }

    /** {@return what is open now; cheap, called from any thread, for logs and {@code baton status}} */
    Open open();
}

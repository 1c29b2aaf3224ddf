package dev.baton;

/** What {@code Baton.serve} starts on the listener. */
@FunctionalInterface
public interface Application {
    /**
     * Starts serving and returns. When it returns the application is ready for requests; a start that takes long says so
     * with {@link Baton#progress}. It attaches its server with {@link Baton#attach}.
     *
     * @param baton this generation
     * @param listener the listener to serve on, inherited or freshly bound
     * @throws Exception if it cannot start: in a successor the incumbent serves on and the reason is told to whoever
     *     asked for the restart; in the first generation the process ends
     */
    void start(Baton baton, Listener listener) throws Exception;
}

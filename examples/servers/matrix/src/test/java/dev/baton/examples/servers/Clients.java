package dev.baton.examples.servers;

/** Clients of one server that never send a request twice: new connections, connections in use, slow requests, silent ones. */
interface Clients extends AutoCloseable {
    /** Opens some more connections, to be silent during the restart that follows, and returns when they are in use. */
    void beforeRestart();

    /** Looks what has become of them. */
    void afterRestart();

    /** Ends the load and tells what became of it. */
    Seen stop();

    @Override
    void close();

    /**
     * What the clients saw.
     *
     * @param requests how many there were
     * @param failedNew how many failed that were the first on their connection
     * @param lostInFlight how many were lost that the server had begun to work on
     * @param crossed how many were lost because they crossed the close of a connection that was silent
     * @param noticed connections in use that were closed with notice
     * @param unnoticed connections in use that were closed without
     * @param silent connections that were silent during a restart
     * @param kept how many of these the restart left open
     * @param details all of that and more, for a person
     */
    record Seen(
            long requests,
            long failedNew,
            long lostInFlight,
            long crossed,
            long noticed,
            long unnoticed,
            long silent,
            long kept,
            String details) {}
}

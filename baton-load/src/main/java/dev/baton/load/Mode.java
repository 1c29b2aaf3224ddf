package dev.baton.load;

/** The ways in which the clients of one run behave; each has its own rate and its own histograms. */
public enum Mode {
    /** A new connection for every request. */
    NEW,
    /** Connections that live on, with a pause of random length between requests. */
    KEEP_ALIVE,
    /** Several requests in one write, answers read in order. */
    PIPELINE,
    /** Requests that the server takes its time for: {@code GET /slow?ms=N}. */
    SLOW,
    /** {@code POST /upload} with a body that trickles, by turns chunked and with a length. */
    UPLOAD,
    /** {@code GET /big?kib=N}, read slowly and compared byte by byte. */
    BIG,
    /** A connection upgraded by {@code GET /echo} that sends lines and expects them back. */
    ECHO,
    /** One request within the first second, then a long silence, one more request, and so on; the last when the load stops. */
    IDLE;

    /** {@return whether its requests are slow by intention} */
    public boolean takesItsTime() {
        return this == SLOW || this == UPLOAD || this == BIG;
    }
}

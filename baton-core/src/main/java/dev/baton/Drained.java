package dev.baton;

/**
 * The result of a drain.
 *
 * @param finished connections that came to their own end while draining
 * @param cutConnections connections that stood idle at the deadline and were closed
 * @param cutRequests requests that were still running at the deadline and were cut
 * @param moved connections that went on in the successor
 */
public record Drained(int finished, int cutConnections, int cutRequests, int moved) {
    /** There was nothing to drain. */
    public static final Drained NOTHING = new Drained(0, 0, 0);

    /**
     * The result of a drain that moved nothing.
     *
     * @param finished connections that came to their own end while draining
     * @param cutConnections connections that stood idle at the deadline and were closed
     * @param cutRequests requests that were still running at the deadline and were cut
     */
    public Drained(int finished, int cutConnections, int cutRequests) {
        this(finished, cutConnections, cutRequests, 0);
    }

    /**
     * Adds what two servers drained.
     *
     * @param other the other server's result
     * @return each count added
     */
    public Drained plus(Drained other) {
        return new Drained(
                finished + other.finished,
                cutConnections + other.cutConnections,
                cutRequests + other.cutRequests,
                moved + other.moved);
    }
}

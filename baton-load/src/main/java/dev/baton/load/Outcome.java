package dev.baton.load;

/**
 * What became of one request. Every request that was begun ends as exactly one of these; none is ever sent twice.
 *
 * <p>A "first" request is the first on its connection. Where a later one, on a connection that was silent or busy before,
 * gets no answer, the client cannot tell a close that crossed its request from a server that took the request and
 * dropped it: both are {@link #LOST_IN_CLOSE_RACE}. {@link Failure#waited()} tells them apart, a race lasts microseconds.
 */
public enum Outcome {
    /** The expected status and the expected bytes. */
    OK("ok"),
    /** Sent in one write with a request whose answer announced the close: not answered, as RFC 9112, 9.6 allows. */
    UNANSWERED_AFTER_NOTICE("unanswered after notice"),
    /** Nobody listens: ECONNREFUSED. */
    REFUSED("refused"),
    /** The connection was not established within the limit; a full backlog drops SYNs and looks like this. */
    CONNECT_TIMEOUT("connect timeout"),
    /** Any other error while connecting: no route, or the driver ran out of ports or descriptors (its own fault). */
    CONNECT_FAILED("connect failed"),
    /** First request: reset before one byte of it was taken. */
    RESET_BEFORE_SEND("reset before send"),
    /** First request: reset after it was sent, in part or whole, before one byte of the answer came. */
    RESET_AFTER_SEND("reset after send"),
    /** Reset after the answer had begun. */
    RESET_MID_ANSWER("reset mid answer"),
    /** First request: end of stream instead of an answer. */
    CLOSED_BEFORE_ANSWER("closed before answer"),
    /** Later request: end of stream or reset instead of an answer, on a connection closed without notice. */
    LOST_IN_CLOSE_RACE("lost in close race"),
    /** End of stream in the middle of an answer. */
    TRUNCATED("truncated"),
    /** Not answered in full within the limit. */
    TIMEOUT("timeout"),
    /** A complete answer with a status other than the expected one, 5xx above all. */
    WRONG_STATUS("wrong status"),
    /** Not HTTP, other bytes than expected, another length, another request's answer, or bytes nobody asked for. */
    WRONG_CONTENT("wrong content");

    private final String words;

    Outcome(String words) {
        this.words = words;
    }

    /** {@return whether a request with this outcome counts as lost} */
    public boolean isLost() {
        return this != OK && this != UNANSWERED_AFTER_NOTICE;
    }

    /** {@return the outcome in plain words} */
    @Override
    public String toString() {
        return words;
    }
}

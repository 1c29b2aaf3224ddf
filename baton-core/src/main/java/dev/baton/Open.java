package dev.baton;

import java.time.Duration;

/**
 * What a {@link Server} still has open at one instant.
 *
 * @param connections established connections, idle ones included
 * @param requests requests that were begun and not answered in full
 * @param oldest age of the oldest of these requests; zero when there is none
 */
public record Open(int connections, int requests, Duration oldest) {
    /** Nothing is open. */
    public static final Open NOTHING = new Open(0, 0, Duration.ZERO);

    /**
     * Adds what two servers have open.
     *
     * @param other the other server's share
     * @return counts added, the older of the two ages
     */
    public Open plus(Open other) {
        return new Open(
                connections + other.connections,
                requests + other.requests,
                oldest.compareTo(other.oldest) >= 0 ? oldest : other.oldest);
    }

    /** {@return {@code 3 connections, 1 request (oldest 1.250 s)}} */
    @Override
    public String toString() {
        var text = connections
                + (connections == 1 ? " connection, " : " connections, ")
                + requests
                + (requests == 1 ? " request" : " requests");
        return requests == 0 ? text : text + " (oldest %.3f s)".formatted(oldest.toMillis() / 1000.0);
    }
}

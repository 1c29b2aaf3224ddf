package dev.baton;

import java.io.IOException;
import java.io.OutputStream;

/** Writes what a successor should know: a warm cache, sessions, counters. */
@FunctionalInterface
public interface StateWriter {
    /**
     * Writes the state, of any length. Called on a thread of its own each time a successor asks, while this generation
     * serves, so that what is written may be a little older than the switch. A slow reader slows the writer down.
     *
     * @param out where to; closed by the caller, which marks the state as whole
     * @throws IOException if it cannot be written, or the successor went away; the successor's reader then fails, too
     */
    void write(OutputStream out) throws IOException;
}

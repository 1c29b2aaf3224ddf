/**
 * The Linux room: descriptors, sockets that carry them, a poller, a lock, each a thin and typed face of a system call.
 * The only room that uses {@code java.lang.foreign}.
 *
 * <p>The first call in a JVM starts the foreign-function linker and costs tens of milliseconds; make it off the critical
 * path. Every method may be called from a virtual thread, which is pinned for the length of the call; only
 * {@link dev.baton.linux.Poller#await} waits.
 */
@NullMarked
package dev.baton.linux;

import org.jspecify.annotations.NullMarked;

package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A descriptor that is ours: closed exactly once, by {@link #close}, unless {@link #release} gave it away. Two are equal
 * only if they are the same object. Closing is safe from any thread, but not while another thread uses the number.
 */
public final class OwnedDescriptor implements Descriptor, AutoCloseable {
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int GONE = -1;

    /** Zero to two are for standard input, output and error, even when the process was started without them. */
    private static final int LOWEST = 3;

    private final AtomicInteger number;

    private OwnedDescriptor(int number) {
        this.number = new AtomicInteger(number);
    }

    /**
     * Takes ownership of a descriptor.
     *
     * @param number an open descriptor that nobody else will close
     * @return the same, owned
     * @throws IllegalArgumentException if the number is negative
     */
    public static OwnedDescriptor of(int number) {
        if (number < 0) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
        return new OwnedDescriptor(number);
    }

    /** Takes ownership of what a call returned, or throws what it said. */
    static OwnedDescriptor of(long result, String name, Object... arguments) throws LinuxException {
        return new OwnedDescriptor((int) check(result, name, arguments));
    }

    @Override
    public int number() {
        var n = number.get();
        if (n == GONE) {
            throw new IllegalStateException("this descriptor was closed or released");
        }
        return n;
    }

    /** For ppoll(2), which passes over a negative number. */
    int numberOrGone() {
        return number.get();
    }

    static OwnedDescriptor duplicateOf(int number) throws LinuxException {
        return of(SystemCall.FCNTL.invoke(number, F_DUPFD_CLOEXEC, LOWEST), "fcntl", number, "F_DUPFD_CLOEXEC");
    }

    /**
     * Gives up ownership; closing has no effect from now on.
     *
     * @return the number, the caller's to close
     * @throws IllegalStateException if it was closed or released before
     */
    public int release() {
        var n = number.getAndSet(GONE);
        if (n == GONE) {
            throw new IllegalStateException("this descriptor was closed or released");
        }
        return n;
    }

    /** {@return whether it was closed or released} */
    public boolean isClosed() {
        return number.get() == GONE;
    }

    /**
     * Closes it, once; later calls have no effect. What close(2) says is passed over: whatever it is, Linux has let go of
     * the number, and a second attempt could close what another thread has just opened.
     */
    @Override
    public void close() {
        var n = number.getAndSet(GONE);
        if (n != GONE) {
            var _ = SystemCall.CLOSE.invoke(n);
        }
    }

    /** {@return {@code descriptor 7}, or {@code descriptor closed}} */
    @Override
    public String toString() {
        var n = number.get();
        return n == GONE ? "descriptor closed" : "descriptor " + n;
    }
}

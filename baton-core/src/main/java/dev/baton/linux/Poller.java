package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Waits until one of several descriptors has something to say (ppoll(2)), or another thread says so (eventfd(2)).
 *
 * <p>One thread at a time awaits, and that thread closes; {@link #wake} is for any thread at any time.
 */
public final class Poller implements AutoCloseable {
    private static final int EFD_CLOEXEC_NONBLOCK = 0x80000 | 0x800;

    /** struct pollfd: int fd, short events, short revents. */
    private static final int POLLFD_BYTES = 8;

    private static final short POLLIN = 1;

    private final OwnedDescriptor event;
    private boolean woken;

    /**
     * A poller.
     *
     * @throws LinuxException if no descriptor is left
     */
    public Poller() throws LinuxException {
        this.event = OwnedDescriptor.of(SystemCall.EVENTFD2.invoke(0, EFD_CLOEXEC_NONBLOCK), "eventfd");
    }

    /**
     * Waits until one of the descriptors is readable, hung up or in error, {@link #wake} is called, or time is over. A wake
     * that came before the call ends it at once; all wakes up to the return are used up by it. A descriptor that another
     * thread has closed counts as ready, so that whoever looks after it finds out.
     *
     * @param readable what to wait for; the same descriptors come back
     * @param timeout how long to wait at most; zero or less looks without waiting
     * @return those ready; empty when woken or out of time
     * @throws LinuxException if the kernel refuses, say for lack of memory
     * @throws IllegalStateException if the poller is closed
     */
    public Set<Descriptor> await(Collection<? extends Descriptor> readable, Duration timeout) throws LinuxException {
        if (event.isClosed()) {
            throw new IllegalStateException("this poller is closed");
        }
        var descriptors = List.<Descriptor>copyOf(readable);
        var ready = new LinkedHashSet<Descriptor>();
        try (var arena = Arena.ofConfined()) {
            var count = descriptors.size() + 1;
            var polled = arena.allocate((long) POLLFD_BYTES * count, 8);
            for (var i = 0; i < count; i++) {
                var descriptor = i < descriptors.size() ? descriptors.get(i) : event;
                var number = descriptor instanceof OwnedDescriptor owned ? owned.numberOrGone() : descriptor.number();
                if (number < 0) {
                    ready.add(descriptor); // and ppoll passes over it
                }
                polled.set(JAVA_INT, (long) POLLFD_BYTES * i, number);
                polled.set(JAVA_SHORT, (long) POLLFD_BYTES * i + 4, POLLIN);
            }
            var wait = timeout.isNegative() || !ready.isEmpty() ? Duration.ZERO : timeout;
            var timespec = arena.allocate(JAVA_LONG, 2);
            timespec.setAtIndex(JAVA_LONG, 0, wait.getSeconds());
            timespec.setAtIndex(JAVA_LONG, 1, wait.getNano());
            check(
                    SystemCall.PPOLL.invoke(polled.address(), count, timespec.address(), 0, 8),
                    "ppoll",
                    count + " descriptors");
            for (var i = 0; i < descriptors.size(); i++) {
                if (polled.get(JAVA_SHORT, (long) POLLFD_BYTES * i + 6) != 0) {
                    ready.add(descriptors.get(i));
                }
            }
        }
        rest();
        return ready;
    }

    /** Ends the {@link #await} that is under way, or the next one. Has no effect on a closed poller. */
    public synchronized void wake() {
        if (!woken && !event.isClosed()) {
            woken = true;
            signal(SystemCall.WRITE);
        }
    }

    private synchronized void rest() {
        if (woken) {
            woken = false;
            signal(SystemCall.READ);
        }
    }

    /** Adds one to the eventfd or takes it back; there is never more in it. */
    private void signal(SystemCall readOrWrite) {
        try (var arena = Arena.ofConfined()) {
            var one = arena.allocateFrom(JAVA_LONG, 1);
            var _ = readOrWrite.invoke(event.number(), one.address(), JAVA_LONG.byteSize());
        }
    }

    /** Closes it, once; later calls have no effect. */
    @Override
    public synchronized void close() {
        event.close();
    }
}

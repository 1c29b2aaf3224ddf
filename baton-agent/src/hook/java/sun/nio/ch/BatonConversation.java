package sun.nio.ch;

import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import jdk.internal.misc.Unsafe;

/**
 * One connection an application has accepted: what was read from it and written to it, where it stands in its protocol, and
 * who waits for it. Every call of the JDK, or of Netty, that touches its descriptor passes here, and can be kept waiting.
 */
public final class BatonConversation {
    /*
     * The gate. A thread that is about to touch the descriptor counts itself in, then looks whether the gate is closed; who
     * closes the gate sets it closed, then looks whether anybody is counted in. Both are steps with a full fence, so one of
     * the two sees the other: once the gate is closed and nobody is inside, nobody touches the descriptor until it is opened
     * again. Waiting takes some microseconds, the time of half a dozen system calls; so it is done by looking again.
     *
     * What a call did is noted while its thread is still counted in. So whoever finds nobody inside sees all of it.
     *
     * A client that asks again at once, and a server that is at its request at once, leave no moment at which a mover could find
     * the connection at rest. But when a thread comes to read the first bytes of a request, it has read none of them yet.
     * While a mover asks for it, that thread lingers outside for a moment.
     */
    private static final Unsafe UNSAFE = Unsafe.getUnsafe();
    private static final long INSIDE = UNSAFE.objectFieldOffset(BatonConversation.class, "inside");
    private static final long LOOK_AGAIN_NANOS = 20_000;
    private static final long LINGER_NANOS = 50_000_000;
    private static final long LINGER_LOOK_NANOS = 500_000;
    private static final int IN = 1;
    private static final int ONE_SHOT = 1 << 30;
    private static final int DELETE = 2;
    private static final int IOVEC_BYTES = 16;

    final long id;
    final int listener;
    private final BatonFraming requests = new BatonFraming(null);
    private final BatonFraming responses = new BatonFraming(requests);

    /** Follows what is sent where that is not HTTP/1.1 but can be told its end; null elsewhere. */
    private BatonFrames frames;

    private volatile int inside;
    private volatile boolean held;
    private volatile boolean lingering;

    /** Stands for a substitute: the connection itself is elsewhere, or on its way. */
    volatile boolean isSubstituted;

    /** Its descriptor is closed, or about to be by a thread inside; nobody is kept waiting any more. */
    volatile boolean isClosed;

    /** For a reason of the mover's. */
    volatile boolean isImmovable;

    /** The last drain in which nobody has taken it. */
    volatile int leftIn;

    private long in;
    private long out;

    /** epoll instance in the upper half, events in the lower. */
    private long[] registrations = new long[2];

    private int registered;
    private volatile boolean isSpent;

    BatonConversation(long id, int listener, long in, long out) {
        this.id = id;
        this.listener = listener;
        this.in = in;
        this.out = out;
    }

    // ---- by the application's threads

    /** Before a call that touches the descriptor; {@link #exit} must follow. */
    public void enter() {
        while (true) {
            UNSAFE.getAndAddInt(this, INSIDE, 1);
            if (!held || isClosed) {
                return;
            }
            UNSAFE.getAndAddInt(this, INSIDE, -1);
            while (held && !isClosed) {
                Thread.onSpinWait();
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
        }
    }

    /** The same before a call that reads. */
    public void enterToRead() {
        if (BatonTraffic.isMovedAtReads && isLingeredFor()) {
            lingering = true;
            long end = System.nanoTime() + LINGER_NANOS;
            while (isLingeredFor() && BatonTraffic.isMovedAtReads && System.nanoTime() < end) {
                LockSupport.parkNanos(LINGER_LOOK_NANOS);
            }
            lingering = false;
        }
        enter();
    }

    private boolean isLingeredFor() {
        return !isSubstituted
                && !isImmovable
                && !isClosed
                && leftIn != BatonTraffic.drain
                && reason() == BatonFraming.FOLLOWED
                && isBetweenMessages();
    }

    /** After it, and after what it did was noted. */
    public void exit() {
        UNSAFE.getAndAddInt(this, INSIDE, -1);
    }

    /** Notes bytes that were read and where they are. */
    public void received(long address, int bytes) {
        in += bytes;
        if (registered > 0) {
            isSpent = true;
        }
        follow(requests, address, bytes);
        if (in == bytes && requests.reason() == BatonFraming.TLS) {
            BatonTraffic.secured();
        }
    }

    /** Notes bytes that were written and where they are. */
    public void sent(long address, int bytes) {
        out += bytes;
        int followed = 0;
        if (frames == null) {
            if (bytes > 0 && UNSAFE.getByte(address) == 0 && responses.isBetweenMessages()) {
                frames = BatonFrames.ofHttp2(); // no response begins so, and HTTP/2's first frame does
                responses.take(0);
            } else {
                followed = follow(responses, address, bytes);
                if (responses.reason() == BatonFraming.UPGRADED) {
                    frames = BatonFrames.ofUpgrade();
                }
            }
        }
        if (frames != null) {
            follow(frames, address + followed, bytes - followed);
        }
    }

    /** What a call with several buffers moved: {@code struct iovec} (readv(2)) one after the other. */
    void receivedInto(long vector, long bytes) {
        for (long left = bytes, at = vector; left > 0; at += IOVEC_BYTES) {
            long part = Math.min(left, UNSAFE.getLong(at + 8));
            received(UNSAFE.getLong(at), (int) part);
            left -= part;
        }
    }

    /** As {@link #receivedInto}. */
    public void sentFrom(long vector, long bytes) {
        for (long left = bytes, at = vector; left > 0; at += IOVEC_BYTES) {
            long part = Math.min(left, UNSAFE.getLong(at + 8));
            sent(UNSAFE.getLong(at), (int) part);
            left -= part;
        }
    }

    /** {@return how many bytes were followed: all, or those up to where another protocol goes on} */
    private static int follow(BatonFollower follower, long address, int bytes) {
        int i = 0;
        while (i < bytes && !follower.isPassedOn()) {
            long skippable = follower.skippable();
            if (skippable > 0) {
                int skipped = (int) Math.min(skippable, bytes - i);
                follower.skip(skipped);
                i += skipped;
            } else {
                follower.take(UNSAFE.getByte(address + i));
                i++;
            }
        }
        return i;
    }

    /** Notes a successful epoll_ctl(2), with its constants. */
    public synchronized void controlled(int instance, int operation, int events) {
        int at = 0;
        while (at < registered && (int) (registrations[at] >>> 32) != instance) {
            at++;
        }
        if (operation == DELETE) {
            if (at < registered) {
                registrations[at] = registrations[--registered];
            }
            return;
        }
        if (at == registered) {
            if (at == registrations.length) {
                registrations = Arrays.copyOf(registrations, at * 2);
            }
            registered++;
        }
        registrations[at] = (long) instance << 32 | Integer.toUnsignedLong(events);
        if ((events & IN) != 0) {
            isSpent = false;
        }
    }

    // ---- by the mover

    void hold() {
        held = true;
        UNSAFE.fullFence();
    }

    void release() {
        held = false;
    }

    /** {@return how many threads are within a call that touches the descriptor} */
    int inside() {
        return inside;
    }

    /** {@return whether it stands between two messages and the application waits for the next; certain only under the gate} */
    boolean isResting() {
        return !isSubstituted
                && !isImmovable
                && BatonFraming.isBetweenMessages(requests, responses)
                && (inside > 0 || lingering || isAwaited());
    }

    boolean isBetweenMessages() {
        return BatonFraming.isBetweenMessages(requests, responses);
    }

    private synchronized boolean isAwaited() {
        for (int i = 0; i < registered; i++) {
            int events = (int) registrations[i];
            if ((events & IN) != 0 && ((events & ONE_SHOT) == 0 || !isSpent)) {
                return true;
            }
        }
        return false;
    }

    /** {@return why it is not followed, of {@link BatonFraming}'s reasons} */
    int reason() {
        // After an upgrade the other direction carries what cannot be understood.
        return requests.reason() == BatonFraming.FOLLOWED || responses.reason() == BatonFraming.UPGRADED
                ? responses.reason()
                : requests.reason();
    }

    /** {@return what follows frames on it, to be asked under the gate; null where there are none} */
    BatonFrames frames() {
        return frames;
    }

    /** Notes a farewell that was sent. Under the gate. */
    void saidFarewell(int bytes) {
        out += bytes;
        frames.isSaid();
    }

    long in() {
        return in;
    }

    long out() {
        return out;
    }

    synchronized long[] registrations() {
        return Arrays.copyOf(registrations, registered);
    }
}

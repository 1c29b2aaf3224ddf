package sun.nio.ch;

import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.function.BiFunction;
import jdk.internal.access.JavaIOFileDescriptorAccess;
import jdk.internal.access.SharedSecrets;

/**
 * What the JDK's sockets call in place of some static methods once the agent has redirected them: each does what the
 * original does, and for a connection accepted on a watched listener also notes what was done, see
 * {@link BatonConversation}. Other sockets pass with one look into a table.
 *
 * <p>The upper part is called by the JDK, and the table is shared with {@code java.lang.BatonTransportTraffic}, which does the
 * same for Netty. The lower part is called by the agent, which knows a connection by the number of its descriptor and by an
 * id that no other connection of this process has had.
 */
public final class BatonTraffic {
    private static final JavaIOFileDescriptorAccess DESCRIPTORS = SharedSecrets.getJavaIOFileDescriptorAccess();
    private static final int FIRST_SIZE = 256;
    private static final Object SECURING = new Object();

    private static BatonNatives.Transfer transfer;
    private static BatonNatives.Closing closing;
    private static BiFunction<InetSocketAddress, Integer, long[]> arrival;
    private static Runnable secured;

    // Changed under the lock of this class; read by anybody.
    private static volatile BatonConversation[] conversations = new BatonConversation[FIRST_SIZE];
    private static volatile boolean[] watched = new boolean[FIRST_SIZE];
    private static volatile boolean areExpected;

    /** Whether a thread that comes to read the first bytes of a message lets a mover go first. */
    static volatile boolean isMovedAtReads;

    /** The number of the current drain, or of the last. */
    static volatile int drain;

    private static long lastId;

    private BatonTraffic() {}

    private static BatonConversation at(FileDescriptor fd) {
        return at(DESCRIPTORS.get(fd));
    }

    // ---- in place of SocketDispatcher's own

    static int read0(FileDescriptor fd, long address, int length) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            return transfer.read(fd, address, length);
        }
        conversation.enterToRead();
        try {
            int n = transfer.read(fd, address, length);
            if (n > 0) {
                conversation.received(address, n);
            }
            return n;
        } finally {
            conversation.exit();
        }
    }

    static long readv0(FileDescriptor fd, long address, int length) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            return transfer.readv(fd, address, length);
        }
        conversation.enterToRead();
        try {
            long n = transfer.readv(fd, address, length);
            if (n > 0) {
                conversation.receivedInto(address, n);
            }
            return n;
        } finally {
            conversation.exit();
        }
    }

    static int write0(FileDescriptor fd, long address, int length) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            return transfer.write(fd, address, length);
        }
        conversation.enter();
        try {
            int n = transfer.write(fd, address, length);
            if (n > 0) {
                conversation.sent(address, n);
            }
            return n;
        } finally {
            conversation.exit();
        }
    }

    static long writev0(FileDescriptor fd, long address, int length) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            return transfer.writev(fd, address, length);
        }
        conversation.enter();
        try {
            long n = transfer.writev(fd, address, length);
            if (n > 0) {
                conversation.sentFrom(address, n);
            }
            return n;
        } finally {
            conversation.exit();
        }
    }

    // ---- in place of UnixDispatcher's own

    static void close0(FileDescriptor fd) throws IOException {
        int number = DESCRIPTORS.get(fd);
        var conversation = at(number);
        if (conversation == null) {
            unwatch(number);
            closing.close(fd);
            return;
        }
        conversation.enter();
        try {
            forget(number);
            closing.close(fd);
        } finally {
            conversation.exit();
        }
    }

    static void preClose0(FileDescriptor fd) throws IOException {
        int number = DESCRIPTORS.get(fd);
        var conversation = at(number);
        if (conversation == null) {
            unwatch(number);
            closing.preClose(fd);
            return;
        }
        conversation.enter();
        try {
            forget(number);
            closing.preClose(fd);
        } finally {
            conversation.exit();
        }
    }

    // ---- in place of Net's, IOUtil's and EPoll's

    static int accept(FileDescriptor fd, FileDescriptor newfd, InetSocketAddress[] isaa) throws IOException {
        int n = Net.accept(fd, newfd, isaa);
        if (n > 0) {
            int listener = DESCRIPTORS.get(fd);
            if (isWatched(listener) && accepted(DESCRIPTORS.get(newfd), listener, isaa[0])) {
                try {
                    isaa[0] = Net.remoteAddress(newfd);
                } catch (IOException e) {
                    // The client has reset it on the way, which the application learns when it reads.
                }
            }
        }
        return n;
    }

    static int poll(FileDescriptor fd, int events, long timeout) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            return Net.poll(fd, events, timeout);
        }
        conversation.enter();
        try {
            return Net.poll(fd, events, timeout);
        } finally {
            conversation.exit();
        }
    }

    static void shutdown(FileDescriptor fd, int how) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            Net.shutdown(fd, how);
            return;
        }
        conversation.enter();
        try {
            Net.shutdown(fd, how);
        } finally {
            conversation.exit();
        }
    }

    static void configureBlocking(FileDescriptor fd, boolean blocking) throws IOException {
        var conversation = at(fd);
        if (conversation == null) {
            IOUtil.configureBlocking(fd, blocking);
            return;
        }
        conversation.enter();
        try {
            IOUtil.configureBlocking(fd, blocking);
        } finally {
            conversation.exit();
        }
    }

    static int ctl(int instance, int operation, int fd, int events) {
        var conversation = at(fd);
        if (conversation == null) {
            return EPoll.ctl(instance, operation, fd, events);
        }
        conversation.enter();
        try {
            int error = EPoll.ctl(instance, operation, fd, events);
            if (error == 0) {
                conversation.controlled(instance, operation, events);
            }
            return error;
        } finally {
            conversation.exit();
        }
    }

    // ---- the table

    /** {@return the connection with this descriptor; null if none is followed} */
    public static BatonConversation at(int number) {
        var all = conversations;
        return number >= 0 && number < all.length ? all[number] : null;
    }

    /** {@return whether {@link #accepted} needs to know where a connection came from} */
    public static boolean areExpected() {
        return areExpected;
    }

    /**
     * Follows a connection that was accepted on a watched listener.
     *
     * @param number its descriptor
     * @param listener that of the listener
     * @param from where it came from; null if nobody {@linkplain #areExpected needs to know}
     * @return whether the descriptor now stands for another connection, from elsewhere
     */
    public static boolean accepted(int number, int listener, InetSocketAddress from) {
        var counts = areExpected && from != null ? arrival.apply(from, number) : null;
        if (counts == null) {
            begin(number, listener, 0, 0);
            return false;
        }
        begin(number, listener, counts[0], counts[1]);
        return true;
    }

    /** TLS begins on a connection. Returns when what goes below it is followed, if it can be. */
    static void secured() {
        synchronized (SECURING) {
            var first = secured;
            if (first != null) {
                secured = null;
                first.run();
            }
        }
    }

    private static synchronized void begin(int number, int listener, long in, long out) {
        var all = conversations;
        if (number >= all.length) {
            all = Arrays.copyOf(all, Math.max(number + 1, all.length * 2));
        }
        all[number] = new BatonConversation(++lastId, listener, in, out);
        conversations = all;
    }

    /** About to be closed. Within the gate: who holds it finds the connection there, or closed. */
    public static synchronized void forget(int number) {
        var conversation = conversations[number];
        if (conversation != null) {
            conversation.isClosed = true;
        }
        conversations[number] = null;
        conversations = conversations;
    }

    /** About to be closed, if it is a listener. */
    public static void unwatch(int number) {
        if (isWatched(number)) {
            watch(number, false);
        }
    }

    private static synchronized void watch(int number, boolean is) {
        var all = watched;
        if (number >= all.length) {
            all = Arrays.copyOf(all, Math.max(number + 1, all.length * 2));
        }
        all[number] = is;
        watched = all;
    }

    // ---- for the agent

    /**
     * Before anything is redirected here.
     *
     * @param transferFile the class file of {@link BatonTransfer}, which calls SocketDispatcher
     * @param closingFile the class file of {@link BatonClosing}, which calls UnixDispatcher
     * @param arrival asked for each accepted connection while some are {@linkplain #expect expected}, with its remote
     *     address and the number of its descriptor: null if it is nothing special; when the descriptor was made to stand for
     *     another connection, how much was read from and written to that
     * @param secured run once, before what began the first connection with TLS comes to the application
     * @throws ReflectiveOperationException if these are not such classes
     */
    public static void install(
            byte[] transferFile,
            byte[] closingFile,
            BiFunction<InetSocketAddress, Integer, long[]> arrival,
            Runnable secured)
            throws ReflectiveOperationException {
        transfer = (BatonNatives.Transfer) nestmate(transferFile, SocketDispatcher.class);
        closing = (BatonNatives.Closing) nestmate(closingFile, UnixDispatcher.class);
        BatonTraffic.arrival = arrival;
        BatonTraffic.secured = secured;
    }

    private static Object nestmate(byte[] classFile, Class<?> host) throws ReflectiveOperationException {
        return MethodHandles.privateLookupIn(host, MethodHandles.lookup())
                .defineHiddenClass(classFile, true, MethodHandles.Lookup.ClassOption.NESTMATE)
                .lookupClass()
                .getDeclaredConstructor()
                .newInstance();
    }

    /** From now on what is accepted on this listener is followed, until it is closed. */
    public static void watch(int listener) {
        watch(listener, true);
    }

    /** {@return whether what is accepted on this listener is followed} */
    public static boolean isWatched(int listener) {
        var all = watched;
        return listener >= 0 && listener < all.length && all[listener];
    }

    /** Whether connections are under way that the arrival function would know. */
    public static void expect(boolean are) {
        areExpected = are;
    }

    /** {@return the numbers of the connections that rest, see {@link BatonConversation#isResting}; may be out of date} */
    public static int[] resting() {
        var all = conversations;
        var found = new int[all.length];
        int count = 0;
        for (int i = 0; i < all.length; i++) {
            if (all[i] != null && all[i].isResting()) {
                found[count++] = i;
            }
        }
        return Arrays.copyOf(found, count);
    }

    /** A drain begins, in which connections are offered to a successor. Not by two threads at once. */
    public static void beginDrain() {
        int last = drain;
        drain = last + 1;
    }

    /** Notes that nobody takes this connection in this drain. */
    public static void leave(int number) {
        var conversation = at(number);
        if (conversation != null) {
            conversation.leftIn = drain;
        }
    }

    /** {@return whether nobody takes this connection in this drain} */
    public static boolean isLeft(int number) {
        var conversation = at(number);
        return conversation != null && conversation.leftIn == drain;
    }

    /** Lets connections also be moved just before a message is read from them; costs each message a moment. */
    public static void moveAtReads(boolean whether) {
        isMovedAtReads = whether;
    }

    /** {@return the connection's id; 0 if none is followed under this number} */
    public static long id(int number) {
        var conversation = at(number);
        return conversation == null ? 0 : conversation.id;
    }

    /** {@return the number of the listener that accepted it; -1 if it is not known} */
    public static int listener(int number) {
        var conversation = at(number);
        return conversation == null ? -1 : conversation.listener;
    }

    /** {@return why the protocol is not followed, 0 while it is; -1 if the connection is not known} */
    public static int reason(int number) {
        var conversation = at(number);
        return conversation == null ? -1 : conversation.reason();
    }

    /** {@return whether it may be moved when it comes to rest} */
    public static boolean isMovable(int number) {
        var conversation = at(number);
        return conversation != null
                && conversation.reason() == BatonFraming.FOLLOWED
                && !conversation.isImmovable
                && !conversation.isSubstituted;
    }

    /**
     * Closes the gate of a connection. Only the thread that did may open it, and must, soon, whatever happens.
     *
     * @param number its descriptor
     * @return its id; 0 if there is none, and nothing to open
     */
    public static long hold(int number) {
        var conversation = at(number);
        if (conversation == null) {
            return 0;
        }
        conversation.hold();
        if (at(number) != conversation) {
            conversation.release(); // closed by a thread that was inside
            return 0;
        }
        return conversation.id;
    }

    /** {@return whether a thread is within a call that touches it; when not, none will be until the gate is opened} */
    public static boolean isUsed(int number) {
        var conversation = at(number);
        return conversation != null && conversation.inside() > 0;
    }

    /** {@return whether it rests; exact while the gate is closed and nobody uses it} */
    public static boolean isResting(int number, boolean isAwaited) {
        var conversation = at(number);
        return conversation != null
                && (isAwaited
                        ? !conversation.isSubstituted && !conversation.isImmovable && conversation.isBetweenMessages()
                        : conversation.isResting());
    }

    /** {@return how many bytes were read from it and written to it, as seen here} */
    public static long[] counts(int number) {
        var conversation = at(number);
        return conversation == null ? new long[2] : new long[] {conversation.in(), conversation.out()};
    }

    /** {@return the epoll instances it is registered with, in the upper half, and the events, in the lower} */
    public static long[] registrations(int number) {
        var conversation = at(number);
        return conversation == null ? new long[0] : conversation.registrations();
    }

    /** Notes that the number stands for a substitute, or for the connection again. */
    public static void substitute(int number, boolean is) {
        var conversation = at(number);
        if (conversation != null) {
            conversation.isSubstituted = is;
        }
    }

    /** Notes that it is not to be moved. */
    public static void keep(int number) {
        var conversation = at(number);
        if (conversation != null) {
            conversation.isImmovable = true;
        }
    }

    /** {@return whether the close of this connection can be announced, here or later; may be out of date} */
    public static boolean hasFarewell(int number) {
        var conversation = at(number);
        var frames = conversation == null ? null : conversation.frames();
        return frames != null && frames.hasFarewell();
    }

    /** {@return whether nothing may be in progress when its close is announced} */
    public static boolean needsRestForFarewell(int number) {
        var conversation = at(number);
        var frames = conversation == null ? null : conversation.frames();
        return frames == null || frames.needsRest();
    }

    /** {@return what to send to announce the close; null if it cannot stand here. Exact while nobody uses the connection} */
    public static byte[] farewell(int number) {
        var conversation = at(number);
        var frames = conversation == null ? null : conversation.frames();
        return frames == null ? null : frames.farewell();
    }

    /** Notes that so many bytes were sent to announce it, while the gate was closed. */
    public static void saidFarewell(int number, int bytes) {
        var conversation = at(number);
        if (conversation != null) {
            conversation.saidFarewell(bytes);
        }
    }

    /** Opens the gate again. */
    public static void release(int number) {
        var conversation = at(number);
        if (conversation != null) {
            conversation.release();
        }
    }
}

package dev.baton.jdk;

import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.InvocationTargetException;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.util.Objects;

/**
 * Makes a channel of the JDK out of a descriptor. There is no public way: {@link System#inheritedChannel()} knows
 * descriptor 0 only, gives one channel in the life of a JVM, and points 0, 1 and 2 at {@code /dev/null} when that is
 * closed.
 */
public final class ServerSocketChannels {
    /*
     * O_NONBLOCK belongs to the open file description, which generations share (fcntl(2), F_SETFL). Cleared by one of them,
     * it makes the non-blocking accept of another block its event loop. The JDK clears it on configureBlocking(true) and
     * after each ServerSocketAdaptor.accept() with a timeout, with one exception: once an accept on a virtual thread has set
     * O_NONBLOCK, sun.nio.ch.ServerSocketChannelImpl notes so in forcedNonBlocking, never touches the flag again, and lets
     * a channel in blocking mode poll before it accepts. An adopted channel is put into that state from its first moment.
     */
    private static final String PACKAGE = "sun.nio.ch";
    private static final int SOCK_STREAM = 1;
    private static final int AF_INET = 1;
    private static final int AF_INET6 = 2;
    private static final int AF_UNIX = 3;

    private ServerSocketChannels() {}

    /**
     * A channel over a listening stream socket, TCP or Unix-domain. It reports the address the kernel reports, works with
     * a {@link java.nio.channels.Selector} and with blocking accepts on platform and virtual threads, and is in blocking
     * mode as seen by the JDK.
     *
     * <p>The socket itself is made non-blocking and stays so whatever is done to the channel: {@code configureBlocking(true)}
     * and a timeout on {@code channel.socket()} do not clear the flag, which other processes share. Any thread.
     *
     * @param fd the descriptor; owned by the channel on return, still the caller's after an exception
     * @return the bound channel
     * @throws IOException if it is no open descriptor of a stream socket; if the JDK's package is not open, with the flag
     *     to add; or if this JDK is built differently from the ones known
     */
    public static ServerSocketChannel adopt(int fd) throws IOException {
        try {
            var descriptor = (FileDescriptor) call("IOUtil", "newFD", fd);
            var family = family(fd);
            call("IOUtil", "configureBlocking", descriptor, false);
            var implementation = Class.forName(PACKAGE + ".ServerSocketChannelImpl");
            var constructor = implementation.getDeclaredConstructor(
                    SelectorProvider.class, ProtocolFamily.class, FileDescriptor.class, boolean.class);
            constructor.setAccessible(true);
            var forcedNonBlocking = implementation.getDeclaredField("forcedNonBlocking");
            forcedNonBlocking.setAccessible(true);
            var channel = (ServerSocketChannel)
                    constructor.newInstance(SelectorProvider.provider(), family, descriptor, true);
            forcedNonBlocking.setBoolean(channel, true);
            return channel;
        } catch (InaccessibleObjectException e) {
            throw new IOException(
                    "cannot make a channel of descriptor " + fd + ": the JDK keeps " + PACKAGE
                            + " to itself; start java with --add-opens java.base/" + PACKAGE + "=" + reader()
                            + ", or put 'Add-Opens: java.base/" + PACKAGE + "' into the manifest of the executable jar",
                    e);
        } catch (InvocationTargetException e) {
            throw new IOException(
                    "cannot make a channel of descriptor " + fd + ": "
                            + Objects.requireNonNull(e.getCause()).getMessage(),
                    e);
        } catch (ReflectiveOperationException e) {
            throw new IOException(
                    "cannot make a channel of descriptor " + fd + ": Java " + Runtime.version() + " lacks "
                            + e.getMessage() + "; this works on JDK 25, or with a server that takes descriptors",
                    e);
        }
    }

    private static ProtocolFamily family(int fd) throws IOException, ReflectiveOperationException {
        if (!Integer.valueOf(SOCK_STREAM).equals(call("InheritedChannel", "soType0", fd)))
            throw new IOException("cannot make a channel of descriptor " + fd + ": it is not an open stream socket");
        return switch ((int) call("InheritedChannel", "addressFamily", fd)) {
            case AF_INET -> StandardProtocolFamily.INET;
            case AF_INET6 -> StandardProtocolFamily.INET6;
            case AF_UNIX -> StandardProtocolFamily.UNIX;
            default ->
                throw new IOException("cannot make a channel of descriptor " + fd
                        + ": it is a socket neither of TCP nor of the Unix domain");
        };
    }

    private static Object call(String type, String method, Object... arguments) throws ReflectiveOperationException {
        var parameters = new Class<?>[arguments.length];
        for (int i = 0; i < arguments.length; i++)
            parameters[i] = switch (arguments[i]) {
                case Integer _ -> int.class;
                case Boolean _ -> boolean.class;
                case Object other -> other.getClass();
            };
        var target = Class.forName(PACKAGE + "." + type).getDeclaredMethod(method, parameters);
        target.setAccessible(true);
        return target.invoke(null, arguments);
    }

    private static String reader() {
        var module = ServerSocketChannels.class.getModule();
        return module.isNamed() ? module.getName() : "ALL-UNNAMED";
    }
}

package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.LiveConnection;
import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Lets an application that knows nothing of it accept the live connections of its predecessor. Safe for use by any thread.
 */
final class Injection {
    /*
     * An application takes a connection that its listener gives it, and nothing else. So for each a connection is made to
     * the listener from within this process. It comes out of accept, is known by the address it came from, and before the
     * application sees it, the descriptor is made to stand for the live connection and the address of the true client is
     * told instead. To the application it is a client that has just connected, and may have sent its request already.
     *
     * They stand in the listener's queue with everybody else, so only a few at a time are sent there. The connection that
     * was made for it is reset, which leaves nothing behind (TIME_WAIT) on either side.
     */
    private static final int MOST_IN_QUEUE = 16;

    /** As long as a client would wait in the queue before it gives up. */
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private static final long LOOK_EVERY_MS = 100;

    private final LinkedBlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
    private final Map<InetSocketAddress, Knock> knocks = new ConcurrentHashMap<>();
    private final AtomicInteger open = new AtomicInteger();
    private volatile @Nullable Traffic traffic;
    private @Nullable Thread thread;

    private record Arrival(InetSocketAddress listener, OwnedDescriptor connection) {}

    /** A connection of ours to the own listener, and the live one it stands for. */
    private record Knock(SocketChannel channel, OwnedDescriptor connection, long sinceNanos) {}

    void uses(Traffic installed) {
        traffic = installed;
    }

    /** {@return how many wait to be accepted} */
    int open() {
        return open.get();
    }

    /**
     * Takes a connection in. Does not block.
     *
     * @param connection the connection
     * @param listener the address of the listener that is to accept it
     */
    synchronized void adopt(LiveConnection connection, InetSocketAddress listener) {
        synchronized (open) {
            open.incrementAndGet();
            Objects.requireNonNull(traffic).expect(true);
        }
        arrivals.add(new Arrival(reachable(listener), OwnedDescriptor.of(connection.descriptor())));
        if (thread == null) {
            thread = Thread.ofPlatform().daemon().name("baton-arrivals").start(this::run);
        }
    }

    private static InetSocketAddress reachable(InetSocketAddress listener) {
        var address = listener.getAddress();
        return address.isAnyLocalAddress()
                ? new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), listener.getPort())
                : listener;
    }

    /** Waits until all that came has been accepted, for so long at most. */
    void awaitAccepted(Duration limit) throws InterruptedException {
        var end = System.nanoTime() + limit.toNanos();
        synchronized (open) {
            for (long left = limit.toMillis();
                    open.get() > 0 && left > 0;
                    left = (end - System.nanoTime()) / 1_000_000) {
                open.wait(left);
            }
        }
    }

    private void run() {
        try {
            while (true) {
                var next = knocks.size() < MOST_IN_QUEUE ? arrivals.poll(LOOK_EVERY_MS, TimeUnit.MILLISECONDS) : null;
                if (next != null) {
                    knock(next);
                } else if (knocks.size() >= MOST_IN_QUEUE) {
                    synchronized (open) {
                        open.wait(LOOK_EVERY_MS);
                    }
                }
                giveUpOld();
            }
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; it ends with the process.
        }
    }

    private void knock(Arrival arrival) {
        InetSocketAddress from = null;
        SocketChannel channel = null;
        try {
            channel = SocketChannel.open();
            // A reset at the end instead of a farewell.
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            channel.bind(new InetSocketAddress(arrival.listener().getAddress(), 0));
            from = (InetSocketAddress) channel.getLocalAddress();
            // Before it can be accepted.
            knocks.put(from, new Knock(channel, arrival.connection(), System.nanoTime()));
            var _ = channel.connect(arrival.listener());
        } catch (IOException e) {
            if (from == null || knocks.remove(from) != null) {
                lost(arrival.connection(), channel, e.getMessage());
            }
        }
    }

    /**
     * Called by the application's thread, within accept.
     *
     * @param from where an accepted connection came from
     * @param number its descriptor
     * @return null if it is none of ours; when the number now stands for the live connection, how much was read from and
     *     written to that
     */
    long @Nullable [] accepted(InetSocketAddress from, int number) {
        var knock = knocks.remove(from);
        if (knock == null) {
            return null;
        }
        var connection = knock.connection();
        try {
            // As accept made the other; nobody else has it any more.
            var accepted = new BorrowedDescriptor(number);
            if (Descriptors.isNonBlocking(accepted)) {
                Descriptors.makeNonBlocking(connection);
            } else {
                Descriptors.makeBlocking(connection);
            }
            Descriptors.duplicateOnto(connection, number);
            var progress = Tcp.progress(accepted);
            return progress == null ? new long[2] : new long[] {progress.read(), progress.written()};
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "a live connection could not be accepted: {0}", e.getMessage());
            return null;
        } finally {
            connection.close();
            close(knock.channel());
            done();
        }
    }

    private void giveUpOld() {
        for (Iterator<Knock> all = knocks.values().iterator(); all.hasNext(); ) {
            var knock = all.next();
            if (System.nanoTime() - knock.sinceNanos() > LIMIT.toNanos()
                    && knocks.values().remove(knock)) {
                lost(
                        knock.connection(),
                        knock.channel(),
                        "the application has not accepted it for " + LIMIT.toSeconds() + " s");
            }
        }
    }

    private void lost(OwnedDescriptor connection, @Nullable SocketChannel channel, @Nullable String reason) {
        LOG.log(System.Logger.Level.WARNING, "a live connection of the predecessor is closed: {0}", reason);
        connection.close();
        if (channel != null) {
            close(channel);
        }
        done();
    }

    private void done() {
        synchronized (open) {
            var installed = traffic;
            if (open.decrementAndGet() == 0 && installed != null) {
                installed.expect(false);
            }
            open.notifyAll();
        }
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // It has no more to say.
        }
    }
}

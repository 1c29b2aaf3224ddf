package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Frame;
import dev.baton.control.Message;
import dev.baton.linux.Descriptor;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The predecessor's end of a passage: gives live connections to the successor, which takes them at its own pace.
 *
 * <p><b>Who owns a connection.</b> It is the predecessor's until {@link Message.Taken} stands in the queue of this end's
 * socket, and the successor's from then on; putting it there is one call of the kernel's. So each instant has one owner, and
 * both sides know who, whoever is killed when:
 *
 * <pre>
 *   killed       before it is offered   offered            taken is sent    taken is received
 *   successor    stays                  stays              dies with it     dies with it
 *   predecessor  dies with it           successor takes it successor has it successor has it
 * </pre>
 *
 * <p>One list is under way at a time: the next is sent when the answer to the last has come. When none comes, the successor is
 * told that the connections are kept, and the socket is shut down: what was answered before that still counts, what is answered
 * later fails at the successor. A predecessor that dies then has gone on with them, so they die with it; the successor, which
 * may have stood still all the while, learns that from what it was told.
 */
public final class Departures {

    /** How long the successor may take to answer one list. */
    static final Duration ANSWER = Duration.ofSeconds(5);

    /** How many bytes read of one connection can travel with it. */
    public static final int MOST_UNREAD_BYTES = 24 * 1024;

    private static final int LIST_BYTES = Frame.LIMIT_BYTES - 4 * 1024;
    private static final int ENTRY_BYTES = 160;

    private final ControlLoop loop;
    private final long successor;
    private final ArrayDeque<Departure> waiting = new ArrayDeque<>();
    private final List<Departure> underWay = new ArrayList<>();
    private @Nullable Connection way;
    private ControlLoop.@Nullable Timer answer;
    private boolean flushing;
    private int stayed;
    private volatile boolean open = true;

    private record Departure(Message.Live connection, OwnedDescriptor descriptor, Consumer<Boolean> settled) {
        int bytes() {
            var state = connection.state();
            return ENTRY_BYTES
                    + connection.listener().length() * 2
                    + connection.unread().length()
                    + (state == null ? 0 : state.length());
        }
    }

    /**
     * Begins to give connections away, when asked to.
     *
     * @param loop the loop on which it runs
     * @param socket this end of the passage, closed at the end
     * @param successor the process at the other end
     */
    public Departures(ControlLoop loop, PacketSocket socket, long successor) {
        this.loop = loop;
        this.successor = successor;
        loop.execute(() -> begin(socket));
    }

    /** {@return whether connections can be given away; from any thread} */
    public boolean isOpen() {
        return open;
    }

    /**
     * Gives a connection away. From any thread; does not block. Nobody may read from the connection or write to it until it
     * is settled.
     *
     * @param connection what is known of it
     * @param descriptor its socket; may be closed when this returns
     * @param settled told once, on the loop's thread: true when the connection is the successor's, false when it stays
     */
    public void give(Message.Live connection, Descriptor descriptor, Consumer<Boolean> settled) {
        OwnedDescriptor copy;
        try {
            copy = descriptor.duplicate();
        } catch (LinuxException e) {
            loop.execute(() -> settled.accept(false));
            return;
        }
        var departure = new Departure(connection, copy, settled);
        loop.execute(() -> {
            if (!open || departure.bytes() > LIST_BYTES) {
                stays(departure);
                return;
            }
            waiting.add(departure);
            if (!flushing) {
                flushing = true;
                // After what other threads have given by then: they travel together.
                loop.execute(this::flush);
            }
        });
    }

    /** Gives nothing away any more. What is under way is settled by what the successor had said. On the loop's thread. */
    public void end() {
        open = false;
        if (way != null) {
            if (!underWay.isEmpty()) {
                var _ = way.send(new Message.Kept());
            }
            way.shutdown();
        }
    }

    private void begin(PacketSocket socket) {
        try {
            way = new Connection(loop, socket, new Connection.Handler() {
                @Override
                public void received(Message message, List<OwnedDescriptor> descriptors) {
                    descriptors.forEach(OwnedDescriptor::close);
                    answered(message);
                }

                @Override
                public void ended(String reason) {
                    over(reason);
                }
            });
        } catch (LinuxException e) {
            socket.close();
            over(String.valueOf(e.getMessage()));
        }
    }

    private void flush() {
        flushing = false;
        if (!underWay.isEmpty() || waiting.isEmpty() || way == null || !open) {
            return;
        }
        int bytes = 0;
        while (!waiting.isEmpty()
                && underWay.size() < Frame.LIMIT_DESCRIPTORS
                && bytes + waiting.peek().bytes() <= LIST_BYTES) {
            var next = waiting.remove();
            bytes += next.bytes();
            underWay.add(next);
        }
        var list = new Message.Connections(
                underWay.stream().map(Departure::connection).toList());
        var descriptors = underWay.stream().map(Departure::descriptor).toArray(Descriptor[]::new);
        if (way.send(list, descriptors)) {
            answer = loop.after(ANSWER, () -> {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "pid {0,number,#} has not answered {1} connections for {2} s; they stay here",
                        successor,
                        underWay.size(),
                        ANSWER.toSeconds());
                end();
            });
        }
    }

    private void answered(Message message) {
        if (answer != null) {
            answer.cancel();
            answer = null;
        }
        var taken = message instanceof Message.Taken(List<Integer> places) ? new HashSet<>(places) : Set.<Integer>of();
        for (int i = 0; i < underWay.size(); i++) {
            if (taken.contains(i)) {
                settle(underWay.get(i), true);
            } else {
                stays(underWay.get(i));
            }
        }
        underWay.clear();
        flush();
    }

    private void over(String reason) {
        if (answer != null) {
            answer.cancel();
            answer = null;
        }
        open = false;
        underWay.forEach(this::stays);
        underWay.clear();
        waiting.forEach(this::stays);
        waiting.clear();
        if (stayed > 0) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "{0} connections were not taken by pid {1,number,#} and drain here: {2}",
                    stayed,
                    successor,
                    reason);
        }
    }

    private void stays(Departure departure) {
        stayed++;
        settle(departure, false);
    }

    private static void settle(Departure departure, boolean gone) {
        departure.descriptor().close();
        departure.settled().accept(gone);
    }
}

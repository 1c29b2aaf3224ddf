package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.Processes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The successor's end of a passage: takes the predecessor's live connections. Confined to the loop's thread. Who owns a
 * connection when is told at {@link Departures}.
 */
public final class Arrivals {

    /** How long the end of a process may be seen after that of its sockets. */
    private static final Duration DEATH = Duration.ofSeconds(2);

    private final ControlLoop loop;
    private final long predecessor;
    private final Serving serving;
    private final Connection way;
    private @Nullable OwnedDescriptor process;
    private final List<Arrival> undecided = new ArrayList<>();
    private boolean dead;
    private boolean over;
    private int taken;

    private record Arrival(Message.Live connection, OwnedDescriptor descriptor) {}

    /**
     * Begins to take connections.
     *
     * @param loop the loop
     * @param socket this end of the passage, closed at the end
     * @param predecessor the process at the other end
     * @param serving who goes on with the connections
     * @throws LinuxException if the socket cannot be used
     */
    public Arrivals(ControlLoop loop, PacketSocket socket, long predecessor, Serving serving) throws LinuxException {
        this.loop = loop;
        this.predecessor = predecessor;
        this.serving = serving;
        this.way = new Connection(loop, socket, new Connection.Handler() {
            @Override
            public void received(Message message, List<OwnedDescriptor> descriptors) {
                Arrivals.this.received(message, descriptors);
            }

            @Override
            public void ended(String reason) {
                Arrivals.this.ended();
            }
        });
        try {
            var descriptor = Processes.descriptor(predecessor);
            process = descriptor;
            loop.watch(descriptor, this::died);
        } catch (LinuxException e) {
            dead = e.errno() == LinuxException.ESRCH;
        }
    }

    private void received(Message message, List<OwnedDescriptor> descriptors) {
        if (message instanceof Message.Kept && descriptors.isEmpty()) {
            undecided.forEach(one -> one.descriptor().close());
            undecided.clear();
            return;
        }
        if (!(message instanceof Message.Connections(List<Message.Live> connections))
                || connections.size() != descriptors.size()) {
            descriptors.forEach(OwnedDescriptor::close);
            LOG.log(
                    System.Logger.Level.WARNING,
                    "pid {0,number,#} offered {1} descriptors in a way that makes no sense; its connections stay there",
                    predecessor,
                    descriptors.size());
            way.shutdown();
            return;
        }
        var places = new ArrayList<Integer>();
        var arrivals = new ArrayList<Arrival>();
        for (int i = 0; i < connections.size(); i++) {
            if (serving.wants(connections.get(i))) {
                places.add(i);
                arrivals.add(new Arrival(connections.get(i), descriptors.get(i)));
            } else {
                descriptors.get(i).close();
            }
        }
        if (way.sendUnlessShut(new Message.Taken(places))) {
            take(arrivals);
        } else {
            // Nobody hears it. If the predecessor lives it goes on with them, and if it has said that it keeps them it
            // did.
            // If it is dead and has not, they have no other owner. What it said is read before the end is told.
            undecided.addAll(arrivals);
        }
    }

    private void take(List<Arrival> arrivals) {
        taken += arrivals.size();
        arrivals.forEach(one -> serving.take(one.connection(), one.descriptor()));
    }

    private void decide() {
        if (!over) {
            return;
        }
        if (dead) {
            take(undecided);
            undecided.clear();
        } else if (process != null && !undecided.isEmpty()) {
            loop.after(DEATH, this::letGo);
        } else {
            letGo();
        }
    }

    private void letGo() {
        undecided.forEach(one -> one.descriptor().close());
        undecided.clear();
        forgetProcess();
    }

    private void died() {
        dead = true;
        forgetProcess();
        decide();
    }

    private void ended() {
        over = true;
        if (taken > 0) {
            LOG.log(
                    System.Logger.Level.INFO,
                    "{0} live connections taken over from pid {1,number,#}",
                    taken,
                    predecessor);
        }
        decide();
    }

    private void forgetProcess() {
        var descriptor = process;
        if (descriptor != null && (dead || over)) {
            process = null;
            loop.unwatch(descriptor);
            descriptor.close();
        }
    }
}

package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.linux.Descriptor;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.Processes;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A generation's end of the link to its supervisor: does what it is told while it serves. Confined to the loop's thread.
 *
 * <p>A generation becomes a member in one of two ways. Its supervisor started it: then its {@link Candidate} passes on what
 * comes over the link once it serves. Or it served without a supervisor, mostly because that had died, and a new one came to
 * the control socket: then the connection it came on is the link from then on.
 */
public final class Membership {

    private final ControlLoop loop;
    private final Connection link;
    private final Serving serving;
    private final Candidate.Heir heir;
    private final Duration shutdown;
    private @Nullable OwnedDescriptor supervisorProcess;
    private boolean paused;
    private boolean draining;
    private boolean processEnded;
    private boolean linkEnded;

    Membership(ControlLoop loop, Connection link, Serving serving, Candidate.Heir heir, Duration shutdown) {
        this.loop = loop;
        this.link = link;
        this.serving = serving;
        this.heir = heir;
        this.shutdown = shutdown;
    }

    /**
     * Makes a generation that serves without a supervisor the member of one that has come.
     *
     * @param loop the loop
     * @param link the connection it came on
     * @param serving what it serves with
     * @param heir who is told what becomes of it
     * @param shutdown how long what was accepted may take to finish
     * @return the membership
     * @throws LinuxException if the supervisor's process has ended meanwhile
     */
    public static Membership of(
            ControlLoop loop, Connection link, Serving serving, Candidate.Heir heir, Duration shutdown)
            throws LinuxException {
        var member = new Membership(loop, link, serving, heir, shutdown);
        var process = Processes.descriptor(link.peer().pid());
        member.supervisorProcess = process;
        loop.watch(process, member::supervisorEnded);
        return member;
    }

    /** {@return the process of the supervisor} */
    public long supervisor() {
        return link.peer().pid();
    }

    /** {@return whether the supervisor has it accept nothing at the moment} */
    public boolean isPaused() {
        return paused;
    }

    /**
     * Drains and leaves, as at the word of a supervisor.
     *
     * @param reason why
     */
    public void relieve(String reason) {
        LOG.log(System.Logger.Level.WARNING, reason);
        drain(reason);
    }

    /** {@return what receives the messages of a supervisor that has come} */
    public Connection.Handler handler() {
        return new Connection.Handler() {
            @Override
            public void received(Message message, List<OwnedDescriptor> descriptors) {
                if (!Membership.this.received(message, descriptors)) {
                    descriptors.forEach(OwnedDescriptor::close);
                }
            }

            @Override
            public void ended(String reason) {
                linkEnded = true;
                tellTheEnd();
            }
        };
    }

    /** {@return whether the descriptors were taken; the others are the caller's to close} */
    boolean received(Message message, List<OwnedDescriptor> descriptors) {
        switch (message) {
            case Message.Switch() -> {
                paused = false;
                answer(serving.resume(), new Message.Serving());
                heir.resumed();
            }
            case Message.Pause() -> {
                paused = true;
                answer(serving.pause(), new Message.Paused());
            }
            case Message.Drain(String reason) -> drain(reason);
            case Message.Status() -> {
                var _ = link.send(heir.status());
            }
            case Message.InOffice() -> heir.outOfOffice();
            case Message.Outcome outcome -> heir.handedOver(outcome);
            case Message.WriteState(String name)
            when descriptors.size() == 1 -> {
                heir.writeState(name, descriptors.getFirst());
                return true;
            }
            case Message.Passage(long pid, boolean outward)
            when descriptors.size() == 1 -> {
                passage(PacketSocket.of(descriptors.getFirst()), pid, outward);
                return true;
            }
            default -> {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the supervisor, pid {0,number,#}, said {1}, which means nothing here",
                        supervisor(),
                        message);
            }
        }
        return false;
    }

    /**
     * Sends a listener to the supervisor, which keeps it.
     *
     * @param message what is said of it
     * @param descriptor the listening socket; stays the caller's
     */
    public void offer(Message.Listener message, Descriptor descriptor) {
        var _ = link.send(message, descriptor);
    }

    /**
     * Tells the supervisor something.
     *
     * @param message the message
     */
    public void say(Message message) {
        var _ = link.send(message);
    }

    void passage(PacketSocket socket, long pid, boolean outward) {
        if (outward) {
            serving.moveTo(socket, pid);
            return;
        }
        try {
            var _ = new Arrivals(loop, socket, pid, serving);
        } catch (LinuxException e) {
            socket.close();
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the live connections of pid {0,number,#} stay there: {1}",
                    pid,
                    e.getMessage());
        }
    }

    private void answer(CompletableFuture<Void> done, Message message) {
        var _ = done.whenComplete((nothing, error) -> loop.execute(
                () -> link.send(error == null ? message : new Message.Failed(String.valueOf(error.getMessage())))));
    }

    private void drain(String reason) {
        if (draining) {
            serving.hurry();
            return;
        }
        draining = true;
        heir.draining();
        var _ = serving.drain(shutdown)
                .whenComplete((result, error) -> loop.execute(() -> {
                    if (error == null) {
                        var _ = link.send(result);
                    }
                    heir.leave(0, reason);
                }));
    }

    private void supervisorEnded() {
        processEnded = true;
        var process = supervisorProcess;
        if (process != null) {
            supervisorProcess = null;
            loop.unwatch(process);
            process.close();
        }
        tellTheEnd();
    }

    /** Words said before the end are still in the link, and come first. A lost link alone proves nothing. */
    private void tellTheEnd() {
        if (processEnded && linkEnded) {
            heir.predecessorGone();
        }
    }
}

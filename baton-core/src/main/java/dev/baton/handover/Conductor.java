package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.launch.LaunchSpec;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The shell around {@link Handover}: feeds it what happens and does what it says. Confined to the loop's thread.
 */
public final class Conductor {

    /**
     * What a conductor works with.
     *
     * @param name the application's name
     * @param pid the incumbent's process
     * @param generation the number of the incumbent's generation
     * @param supervised whether the conductor is not the incumbent itself, but its supervisor
     * @param loop the loop
     * @param serving what is handed over
     * @param office what passes with the commitment
     * @param offers what a successor can ask for
     * @param controlSocket makes sure that the control socket can be reached, and says where
     * @param launch says what to start, read anew each time
     * @param limits how long to wait
     */
    public record Parts(
            String name,
            long pid,
            int generation,
            boolean supervised,
            ControlLoop loop,
            Serving serving,
            Office office,
            Offers offers,
            Callable<Path> controlSocket,
            Callable<LaunchSpec> launch,
            Limits limits) {}

    private final Parts parts;
    private final Map<Handover.Limit, ControlLoop.Timer> timers = new EnumMap<>(Handover.Limit.class);
    private final Map<Integer, Connection> askers = new HashMap<>();
    private Handover handover;
    private @Nullable Successor successor;
    private @Nullable ProcessHandle predecessor;
    private boolean successorAccepted;
    private final List<Runnable> onceInOffice = new ArrayList<>();
    private ControlLoop.@Nullable Timer untilInOffice;
    private int lastAsker = Handover.SIGNAL;
    private int lastCall;

    private long triggeredNanos;
    private @Nullable Long readyMs;
    private @Nullable Long servingMs;
    private Message.Drained drained = Message.Drained.NOTHING;
    private Message.@Nullable Outcome last;

    private Conductor(Parts parts, Handover handover) {
        this.parts = parts;
        this.handover = handover;
    }

    /**
     * The conductor of a first generation, or of an orphan.
     *
     * @param parts what it works with
     * @return the conductor
     */
    public static Conductor first(Parts parts) {
        return new Conductor(parts, Handover.idle());
    }

    /**
     * The conductor of a generation whose predecessor drains.
     *
     * @param parts what it works with
     * @param predecessor the predecessor's process, to be killed if it does not leave in time; null if that is another
     *     one's business
     * @param restartPending whether a restart must follow
     * @return the conductor
     */
    public static Conductor after(Parts parts, @Nullable ProcessHandle predecessor, boolean restartPending) {
        var step = Handover.settling(restartPending);
        var conductor = new Conductor(parts, step.next());
        conductor.predecessor = predecessor;
        step.effects().forEach(conductor::perform);
        return conductor;
    }

    /** {@return where the handover stands} */
    public Handover.Phase phase() {
        return handover.phase();
    }

    /** {@return the successor's process, if one runs} */
    public @Nullable Long successorPid() {
        return successor == null ? null : successor.pid();
    }

    /** {@return the successor, from its start on} */
    public @Nullable Successor successor() {
        return successor;
    }

    /** {@return the last handover that is known of} */
    public Message.@Nullable Outcome last() {
        return last;
    }

    /**
     * The predecessor's last words: how the handover to this generation ended.
     *
     * @param outcome what it said
     */
    public void remember(Message.Outcome outcome) {
        last = outcome;
    }

    /**
     * Something happened.
     *
     * @param event what
     */
    public void handle(Handover.Event event) {
        var step = handover.step(event);
        var from = handover.phase().getClass();
        handover = step.next();
        if (from != handover.phase().getClass()) {
            LOG.log(
                    System.Logger.Level.DEBUG,
                    "{0}: {1} -> {2} on {3}",
                    parts.name(),
                    from.getSimpleName(),
                    handover.phase(),
                    event);
        }
        parts.office().moved();
        step.effects().forEach(this::perform);
    }

    /**
     * Somebody asked for a restart over the control socket.
     *
     * @param asker its connection
     */
    public void restartAsked(Connection asker) {
        lastAsker++;
        askers.put(lastAsker, asker);
        handle(new Handover.Event.RestartAsked(lastAsker));
    }

    /**
     * An asker's connection has ended; its restart goes on.
     *
     * @param asker the connection
     */
    public void askerLeft(Connection asker) {
        askers.values().remove(asker);
    }

    /**
     * Whether a process may be the successor that has not said hello yet.
     *
     * @param pid the process
     * @return whether it was started as the successor, or by it
     */
    boolean expects(long pid) {
        return successor != null
                && successor.awaitsHello()
                && (handover.phase() instanceof Handover.Phase.Starting
                        || handover.phase() instanceof Handover.Phase.Preparing)
                && successor.isFamily(pid);
    }

    /**
     * A process says that it is the successor.
     *
     * @param connection its connection
     * @param hello its words
     * @return whether it is; then the connection's messages go to {@link #fromSuccessor}
     */
    public boolean hello(Connection connection, Message.Hello hello) {
        var expected = successor;
        if (expected == null
                || !(handover.phase() instanceof Handover.Phase.Starting
                        || (handover.phase() instanceof Handover.Phase.Preparing && expected.awaitsHello()))) {
            refuseHello(
                    connection,
                    Message.Refused.NOT_EXPECTED,
                    "pid " + ProcessHandle.current().pid() + " expects no successor at the moment");
            return false;
        }
        var refusal = expected.refusal(hello, connection.peer().pid());
        if (refusal != null) {
            refuseHello(connection, Message.Refused.FORBIDDEN, refusal);
            return false;
        }
        expected.linked(connection);
        var _ = expected.say(new Message.Welcome(
                expected.generation(),
                parts.name(),
                ProcessHandle.current().pid(),
                parts.offers().listenerNames(),
                parts.offers().stateNames(),
                parts.supervised()));
        handle(new Handover.Event.Hello());
        return true;
    }

    /**
     * Takes a generation that serves already, and was started by somebody else, for the successor that this conductor has
     * committed to. What comes over its link is to be given to {@link #fromSuccessor} and {@link #successorLinkEnded}.
     *
     * @param process its process
     * @param link the connection to it
     * @return the successor
     * @throws LinuxException if the process has ended
     */
    public Successor adopt(ProcessHandle process, Connection link) throws LinuxException {
        var adopted = next();
        adopted.adopt(process, link);
        return adopted;
    }

    /**
     * The successor said something.
     *
     * @param connection its link
     * @param message its words
     * @param descriptors what came with them; closed or taken
     */
    public void fromSuccessor(Connection connection, Message message, List<OwnedDescriptor> descriptors) {
        var current = successor;
        if (current != null
                && current.link() == connection
                && message instanceof Message.Listener listener
                && descriptors.size() == 1) {
            parts.offers().offered(listener, descriptors.getFirst());
            return;
        }
        descriptors.forEach(OwnedDescriptor::close);
        if (current == null || current.link() != connection) {
            return;
        }
        if (current.member() != null && !(message instanceof Message.InOffice)) {
            current.member().said(message);
            return;
        }
        switch (message) {
            case Message.GetListener(String name) -> sendListener(connection, name);
            case Message.GetState(String name) -> sendState(connection, name);
            case Message.Progress(String text) -> {
                report("generation " + current.generation() + " (pid " + current.pid() + "): " + text);
                handle(new Handover.Event.Progress());
            }
            case Message.Ready() -> {
                readyMs = sinceTrigger();
                report("generation " + current.generation() + " (pid " + current.pid() + ") is ready after " + readyMs
                        + " ms");
                handle(new Handover.Event.Ready());
            }
            case Message.Serving() -> {
                servingMs = sinceTrigger();
                report("generation " + current.generation() + " (pid " + current.pid() + ") serves");
                handle(new Handover.Event.Serving());
            }
            case Message.InOffice() -> inOffice();
            case Message.Failed(String reason) -> handle(new Handover.Event.Failed(reason));
            case Message.Drained(int finished, int cutConnections, int cutRequests, Long _) ->
                LOG.log(
                        System.Logger.Level.INFO,
                        "{0}: the successor that was taken back finished {1} connections and cut {2} with {3} requests",
                        parts.name(),
                        finished,
                        cutConnections,
                        cutRequests);
            default -> refuse(connection, Message.Refused.UNKNOWN, "a successor has no business with " + message);
        }
    }

    /**
     * The successor's link ended.
     *
     * @param connection the link
     * @param reason why
     */
    public void successorLinkEnded(Connection connection, String reason) {
        if (successor != null && successor.link() == connection) {
            successor.linkEnded(reason);
        }
    }

    private void perform(Handover.Effect effect) {
        var loop = parts.loop();
        switch (effect) {
            case Handover.Effect.Start() -> start();
            case Handover.Effect.Pause() ->
                whenDone(parts.serving().pause(), Handover.Event.Paused::new, Handover.Event.PauseFailed::new);
            case Handover.Effect.Resume() ->
                whenDone(parts.serving().resume(), Handover.Event.Resumed::new, reason -> {
                    LOG.log(
                            System.Logger.Level.ERROR,
                            "{0}: this process could not go back to accepting: {1}; restart it",
                            parts.name(),
                            reason);
                    return new Handover.Event.Resumed();
                });
            case Handover.Effect.Switch() -> {
                successorAccepted = true;
                var _ = say(new Message.Switch());
            }
            case Handover.Effect.Commit(boolean pending) -> {
                if (say(new Message.Commit(pending))) {
                    parts.office().passOn(pending);
                    untilInOffice = loop.after(Limits.SWITCH, this::inOffice);
                } else {
                    loop.execute(() -> handle(new Handover.Event.CommitUnheard()));
                }
            }
            case Handover.Effect.TakeBack() -> parts.office().take();
            case Handover.Effect.Drain() -> {
                if (untilInOffice == null) {
                    drain();
                }
            }
            case Handover.Effect.Hurry() -> {
                inOffice();
                parts.serving().hurry();
            }
            case Handover.Effect.End(String reason, boolean forGood) -> {
                if (successor != null) {
                    successor.end(reason, forGood);
                }
            }
            case Handover.Effect.Kill() -> {
                if (successor != null) {
                    successor.kill();
                }
            }
            case Handover.Effect.KillPredecessor() -> {
                if (predecessor != null && predecessor.isAlive()) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "{0}: the previous generation, pid {1,number,#}, has not left in time and is killed",
                            parts.name(),
                            predecessor.pid());
                    var _ = predecessor.destroyForcibly();
                }
            }
            case Handover.Effect.Arm(Handover.Limit limit) -> arm(limit);
            case Handover.Effect.DisarmAll() -> {
                timers.values().forEach(ControlLoop.Timer::cancel);
                timers.clear();
                endOfWaitForOffice();
            }
            case Handover.Effect.Answer(List<Integer> whom, Outcome outcome) -> answer(whom, outcome);
            case Handover.Effect.Leave() -> leave();
        }
    }

    /**
     * Control socket and pid file are the successor's now. Until it says so, this process does not end, and tells nobody
     * that it is over or to ask elsewhere: the files would still lead here.
     */
    private void inOffice() {
        if (endOfWaitForOffice()) {
            openPassage();
            drain();
        }
    }

    /** Without one, connections are drained as ever; so it is when the successor's version does not know of it. */
    private void openPassage() {
        var link = successor == null ? null : successor.link();
        if (link == null) {
            return;
        }
        try {
            var ends = PacketSocket.pair();
            try (var far = ends.getLast()) {
                if (link.send(new Message.Passage(parts.pid(), false), far.descriptor())) {
                    parts.serving().moveTo(ends.getFirst(), link.peer().pid());
                } else {
                    ends.getFirst().close();
                }
            }
        } catch (LinuxException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: live connections stay and drain, there is no way for them to the successor: {1}",
                    parts.name(),
                    e.getMessage());
        }
    }

    private boolean endOfWaitForOffice() {
        if (untilInOffice == null) {
            return false;
        }
        untilInOffice.cancel();
        untilInOffice = null;
        onceInOffice.forEach(Runnable::run);
        onceInOffice.clear();
        return true;
    }

    private void drain() {
        var _ = parts.serving()
                .drain(parts.limits().shutdown())
                .whenComplete((result, error) -> parts.loop().execute(() -> {
                    if (error == null) {
                        drained = result;
                        LOG.log(
                                System.Logger.Level.INFO,
                                "{0}: drained: {1} connections moved, {2} came to their end, {3} idle ones and {4} requests were cut",
                                parts.name(),
                                result.moved() == null ? 0 : result.moved(),
                                result.finished(),
                                result.cutConnections(),
                                result.cutRequests());
                    } else {
                        LOG.log(
                                System.Logger.Level.ERROR,
                                parts.name() + ": draining broke down: " + reason(error),
                                error);
                    }
                    handle(new Handover.Event.Drained());
                }));
    }

    private void start() {
        if (successor != null) {
            successor.forget();
        }
        successorAccepted = false;
        triggeredNanos = System.nanoTime();
        readyMs = null;
        servingMs = null;
        drained = Message.Drained.NOTHING;
        try {
            next().start(parts.launch(), parts.controlSocket().call());
        } catch (Exception e) {
            // Not at once: an effect must not lead to another event before the effects after it are done.
            parts.loop().execute(() -> handle(new Handover.Event.StartFailed(reason(e))));
        }
    }

    private Successor next() {
        var fresh = new Successor[1];
        fresh[0] = new Successor(parts.loop(), parts.generation() + 1, event -> {
            if (successor == fresh[0]) {
                handle(event);
            }
        });
        successor = fresh[0];
        return fresh[0];
    }

    private void arm(Handover.Limit limit) {
        var running = timers.remove(limit);
        if (running != null) {
            running.cancel();
        }
        timers.put(limit, parts.loop().after(parts.limits().of(limit, successorAccepted), () -> {
            timers.remove(limit);
            if (limit != Handover.Limit.WATCH) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: time is up: {1} after {2} s, in {3}",
                        parts.name(),
                        limit,
                        parts.limits().of(limit, successorAccepted).toMillis() / 1000.0,
                        handover.phase());
            }
            handle(new Handover.Event.TimeUp(limit));
        }));
    }

    private void answer(List<Integer> whom, Outcome outcome) {
        if (outcome instanceof Outcome.Moved && untilInOffice != null) {
            onceInOffice.add(() -> answer(whom, outcome));
            return;
        }
        var words = switch (outcome) {
            case Outcome.Completed() -> outcome(true, null, false);
            case Outcome.CalledOff(String reason, boolean rolledBack) -> outcome(false, reason, rolledBack);
            case Outcome.Moved() -> new Message.Moved(successorPid() == null ? 0 : successorPid());
            case Outcome.Stopping() ->
                new Message.Refused(
                        Message.Refused.STOPPING,
                        "pid " + ProcessHandle.current().pid() + " is stopping");
        };
        if (words instanceof Message.Outcome ended) {
            last = ended;
            LOG.log(
                    ended.ok() ? System.Logger.Level.INFO : System.Logger.Level.WARNING,
                    parts.name() + ": " + Report.line(ended));
        }
        for (var one : whom) {
            var connection = askers.remove(one);
            if (connection != null) {
                var _ = connection.send(words);
            }
        }
        if (outcome instanceof Outcome.CalledOff) {
            parts.loop().execute(parts.office()::calledOff);
        }
    }

    private Message.Outcome outcome(boolean ok, @Nullable String reason, boolean rolledBack) {
        return new Message.Outcome(
                ok,
                reason,
                rolledBack,
                parts.pid(),
                parts.generation(),
                successorPid(),
                parts.generation() + 1,
                readyMs,
                servingMs,
                sinceTrigger(),
                drained.finished(),
                drained.cutConnections(),
                drained.cutRequests(),
                drained.moved());
    }

    private void leave() {
        var succeeded = last != null && last.ok() && last.fromPid() == parts.pid();
        if (succeeded && last != null) {
            var _ = say(last);
        }
        parts.office().leave(succeeded);
    }

    private void sendListener(Connection connection, String name) {
        var offered = parts.offers().listener(name);
        if (offered == null) {
            var _ = connection.send(new Message.NoListener(name));
        } else {
            var _ = connection.send(offered.message(), offered.descriptor());
        }
    }

    private void sendState(Connection connection, String name) {
        try (OwnedDescriptor pipe = parts.offers().state(name)) {
            if (pipe == null) {
                var _ = connection.send(new Message.NoState(name));
            } else {
                var _ = connection.send(new Message.State(name), pipe);
            }
        } catch (IOException e) {
            refuse(connection, Message.Refused.UNAVAILABLE, "the state " + name + " cannot be sent: " + e.getMessage());
        }
    }

    private void report(String text) {
        LOG.log(System.Logger.Level.INFO, parts.name() + ": " + text);
        for (var one : handover.askers()) {
            var connection = askers.get(one);
            if (connection != null) {
                var _ = connection.send(new Message.Progress(text));
            }
        }
    }

    private boolean say(Message message) {
        return successor != null && successor.say(message);
    }

    private void refuseHello(Connection connection, String code, String reason) {
        LOG.log(
                System.Logger.Level.WARNING,
                "{0}: refused pid {1,number,#} as successor: {2}",
                parts.name(),
                connection.peer().pid(),
                reason);
        refuse(connection, code, reason);
    }

    private static void refuse(Connection connection, String code, String reason) {
        var _ = connection.send(new Message.Refused(code, reason));
    }

    private void whenDone(
            CompletableFuture<Void> future,
            Supplier<Handover.Event> done,
            java.util.function.Function<String, Handover.Event> failed) {
        // Only the latest call counts: a server that hung in a pause may answer it long after the handover it was for.
        var call = ++lastCall;
        var _ = future.whenComplete((nothing, error) -> parts.loop().execute(() -> {
            if (call == lastCall) {
                handle(error == null ? done.get() : failed.apply(reason(error)));
            }
        }));
    }

    private static String reason(Throwable error) {
        var cause = error instanceof CompletionException && error.getCause() != null ? error.getCause() : error;
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }

    private long sinceTrigger() {
        return Duration.ofNanos(System.nanoTime() - triggeredNanos).toMillis();
    }
}

package dev.baton;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.ControlSocket;
import dev.baton.control.Message;
import dev.baton.control.StateStream;
import dev.baton.handover.Candidacy;
import dev.baton.handover.Candidate;
import dev.baton.handover.Conductor;
import dev.baton.handover.Guardian;
import dev.baton.handover.Handover;
import dev.baton.handover.Limits;
import dev.baton.handover.Membership;
import dev.baton.handover.Offers;
import dev.baton.handover.Office;
import dev.baton.handover.Reception;
import dev.baton.handover.Report;
import dev.baton.handover.Systemd;
import dev.baton.jdk.Signals;
import dev.baton.launch.EnvironmentFile;
import dev.baton.launch.LaunchSpec;
import dev.baton.launch.PidFile;
import dev.baton.launch.RuntimeDirectory;
import dev.baton.linux.Descriptors;
import dev.baton.linux.LinuxException;
import dev.baton.linux.Listeners;
import dev.baton.linux.OwnedDescriptor;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * This process as one generation: wires the servers, the listeners and the office to a {@link Candidate} while it is a
 * successor, and to a {@link Conductor} once it is the incumbent.
 *
 * <p><b>Threads.</b> Whatever the handover touches is confined to the control loop's thread; the application's calls come
 * from any thread and are passed to it. Callbacks into the application never run on it.
 */
final class Generation implements Baton, Office, Offers, Candidate.Heir, Guardian.Ward, Reception.House {

    /** How long a generation whose supervisor has ended waits before it asks again whether another one goes on. */
    private static final Duration ASK_AGAIN = Duration.ofMillis(20);
    /** The name of the class loader the agent lives in. */
    private static final String AGENT = "baton";

    private static final String LAUNCH_STATE = "baton.launch";
    private static final long PROGRESS_EVERY_BYTES = 1024 * 1024;
    private static final List<String> NEEDED_LATER = List.of(
            "Deadline",
            "Drained",
            "HeldBaton",
            "LiveConnection",
            "Open",
            "OpenListener",
            "Servers",
            "control.ControlSocket",
            "control.Message",
            "control.Connection",
            "control.ControlClient",
            "control.Frame",
            "control.StateStream",
            "handover.Arrivals",
            "handover.Candidacy",
            "handover.Conductor",
            "handover.Departures",
            "handover.Handover",
            "handover.Limits",
            "handover.Membership",
            "handover.Outcome",
            "handover.Report",
            "handover.Successor",
            "handover.Systemd",
            "linux.Datagrams",
            "launch.Ancestry",
            "launch.Arguments",
            "launch.EnvironmentFile",
            "launch.LaunchSpec",
            "launch.PidFile",
            "launch.Reason",
            "linux.Descriptors",
            "linux.LinuxException",
            "linux.BorrowedDescriptor",
            "linux.PacketSocket");
    private static final AtomicReference<@Nullable Generation> ONLY = new AtomicReference<>();

    private final BatonConfig config;
    private final String name;
    private final int number;
    private final Path controlPath;
    private final ControlLoop loop;
    private final @Nullable Candidate candidate;
    private final Servers servers;
    private final HeldBaton baton;
    private final Limits limits;
    private final Systemd systemd;
    private final List<Systemd.Socket> sockets;
    private final long joinedNanos = System.nanoTime();
    private final Map<String, OpenListener> listeners = new ConcurrentHashMap<>();
    private final Map<String, StateWriter> states = new ConcurrentHashMap<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Optional<Predecessor> predecessor;
    private volatile State state = State.PREPARING;
    private volatile boolean said;
    private volatile @Nullable Guardian guardian;
    private volatile @Nullable Membership adopted;

    // Confined to the loop's thread.
    private final Reception reception;
    private Conductor conductor;
    private @Nullable ControlSocket control;
    private boolean stopAsked;
    private boolean tellsAlive;

    static Generation join(BatonConfig config) throws BatonException {
        ControlLoop loop = null;
        var joined = System.getProperties().putIfAbsent(Guardian.JOINED, whoJoins());
        try {
            if (joined != null) {
                throw new IOException(
                        joined.equals(AGENT)
                                ? "the agent (-javaagent) takes part for this process already; leave it out, or join before"
                                        + " the application opens a listener, within five seconds of its start"
                                : "this process has joined already: there is one generation in a process");
            }
            loop = new ControlLoop("baton");
            var candidate = Candidate.join(loop, System.getenv(), version());
            var generation = new Generation(config, loop, candidate.orElse(null));
            if (!ONLY.compareAndSet(null, generation)) {
                throw new IOException("this process has joined already: there is one generation in a process");
            }
            generation.begin();
            return generation;
        } catch (IOException e) {
            if (loop != null) {
                loop.close();
            }
            if (joined == null && ONLY.get() == null) {
                System.clearProperty(Guardian.JOINED);
            }
            throw new BatonException("cannot join: " + e.getMessage(), e);
        }
    }

    private static String whoJoins() {
        return AGENT.equals(Generation.class.getClassLoader().getName()) ? AGENT : "the application";
    }

    private Generation(BatonConfig config, ControlLoop loop, @Nullable Candidate candidate) throws IOException {
        this.config = config;
        this.loop = loop;
        this.candidate = candidate;
        this.name =
                candidate != null ? candidate.welcome().name() : config.name().orElseGet(Generation::defaultName);
        this.number = candidate != null ? candidate.welcome().generation() : 1;
        this.controlPath = candidate != null && config.controlSocket().isEmpty()
                ? Candidate.incumbentSocket(System.getenv()).orElseThrow()
                : controlPath(config, name);
        this.servers = new Servers(name, loop, config.moveOver());
        this.baton = new HeldBaton(name, controlPath.resolveSibling(controlPath.getFileName() + ".baton"));
        this.limits =
                new Limits(config.childTimeout(), config.readyTimeout(), config.watch(), config.shutdownTimeout());
        this.systemd = Systemd.of(System.getenv(), candidate != null);
        this.sockets = candidate == null ? Systemd.sockets(System.getenv()) : new ArrayList<>();
        this.reception = new Reception(loop, this);
        this.conductor = Conductor.first(parts());
        this.predecessor = candidate == null ? Optional.empty() : Optional.of(readPredecessor(candidate));
    }

    /**
     * Loads every class a handover can need, now. When it comes the jar may have been replaced under this process, or no
     * descriptor be left to open it with, and a class that could not be loaded once is missing for good (JVMS 5.4.3).
     */
    private static void loadAhead() throws IOException {
        try {
            for (var name : NEEDED_LATER) {
                for (var type : Class.forName("dev.baton." + name).getNestMembers()) {
                    Class.forName(type.getName());
                }
            }
        } catch (ClassNotFoundException | LinkageError e) {
            throw new IOException("a part of Baton is missing from the class path: " + e.getMessage(), e);
        }
    }

    private void begin() throws IOException {
        loadAhead();
        if (candidate != null) {
            candidate.begin(servers, this, limits);
        } else {
            onLoop(() -> control = ControlSocket.open(loop, controlPath, reception));
        }
        for (var signal : List.of("TERM", "INT")) {
            var stop = Signals.on(signal, () -> stopBecause("SIG" + signal));
            // An ignored SIGINT is usual: shells see to that for what they start in the background.
            if (!stop.isEffective() && signal.equals("TERM")) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: what is open is lost when this process is stopped: {1}",
                        name,
                        stop.explanation());
            }
        }
        var hangUp = Signals.on("HUP", this::restartBySignal);
        if (!hangUp.isEffective()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: {1}; restart it with: baton restart {2}",
                    name,
                    hangUp.explanation(),
                    controlPath);
        }
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("baton-exit").unstarted(this::exiting));
        LOG.log(
                System.Logger.Level.INFO,
                "{0}: generation {1}, pid {2,number,#}, control socket {3}",
                name,
                number,
                pid(),
                controlPath);
    }

    // ---- what the application says

    @Override
    public String name() {
        return name;
    }

    @Override
    public int generation() {
        return number;
    }

    @Override
    public State state() {
        return state;
    }

    @Override
    public Optional<Predecessor> predecessor() {
        return predecessor;
    }

    @Override
    public Listener listen(String listenerName, SocketAddress address) throws BatonException {
        if (listeners.containsKey(listenerName)) {
            throw new BatonException(
                    "a listener named " + listenerName + " is open already: " + listeners.get(listenerName));
        }
        try {
            var inherited = inherit(listenerName, address);
            var listener = inherited != null ? inherited : bind(listenerName, address);
            listeners.put(listenerName, listener);
            if (!listener.isInherited()) {
                toSupervisor(its -> its.offer(listener.message(), listener.borrowed()));
            }
            return listener;
        } catch (IOException e) {
            throw new BatonException(
                    "cannot listen on " + OpenListener.text(address) + " as " + listenerName + ": " + e.getMessage(),
                    e);
        }
    }

    private @Nullable OpenListener inherit(String listenerName, SocketAddress address) throws IOException {
        if (candidate == null) {
            return activated(listenerName, address);
        }
        Optional<OwnedDescriptor> taken;
        try {
            taken = take(listenerName);
        } catch (IOException e) {
            // Where it was a supervisor that ended, the generation before this one has the listener and serves on.
            if (candidate.isSupervised() || !candidate.hasIncumbentEnded()) {
                throw e;
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: the incumbent has ended before it gave {1} away ({2}); binding {3} anew",
                    name,
                    listenerName,
                    e.getMessage(),
                    OpenListener.text(address));
            return null;
        }
        if (taken.isEmpty()) {
            return null;
        }
        var descriptor = taken.get();
        var has = Listeners.localAddress(descriptor);
        if (!Listeners.isListening(descriptor) || !OpenListener.satisfies(has, address)) {
            descriptor.close();
            LOG.log(
                    System.Logger.Level.INFO,
                    "{0}: the incumbent''s {1} listens on {2}; binding {3} instead",
                    name,
                    listenerName,
                    OpenListener.text(has),
                    OpenListener.text(address));
            return null;
        }
        return new OpenListener(listenerName, has, true, descriptor);
    }

    /** A listener that the service manager has opened: the one of that name, or else the one of that address. */
    private @Nullable OpenListener activated(String listenerName, SocketAddress address) throws IOException {
        synchronized (sockets) {
            for (var remaining = sockets.iterator(); remaining.hasNext(); ) {
                var socket = remaining.next();
                var has = Listeners.localAddress(socket.descriptor());
                if (socket.name().equals(listenerName) || OpenListener.satisfies(has, address)) {
                    remaining.remove();
                    return new OpenListener(listenerName, has, true, socket.descriptor());
                }
            }
            return null;
        }
    }

    @Override
    public Optional<OwnedDescriptor> take(String listenerName) throws IOException {
        if (candidate == null) {
            return Optional.empty();
        }
        var reply = candidate.request(new Message.GetListener(listenerName));
        if (!(reply.message() instanceof Message.Listener)) {
            return Optional.empty();
        }
        if (reply.descriptors().size() != 1) {
            reply.descriptors().forEach(OwnedDescriptor::close);
            throw new IOException("the incumbent sent " + reply.descriptors().size() + " descriptors instead of one");
        }
        return Optional.of(reply.descriptors().getFirst());
    }

    @Override
    public List<String> inheritable() {
        return candidate == null ? List.of() : candidate.welcome().listeners();
    }

    @Override
    public void entrust(Guardian newGuardian) {
        guardian = newGuardian;
    }

    @Override
    public void opened() {
        toSupervisor(this::offerGuarded);
    }

    private void offerGuarded(Membership its) {
        var inherited = inheritable();
        for (var one : guarded()) {
            if (!inherited.contains(one.message().name())) {
                its.offer(one.message(), one.descriptor());
            }
        }
    }

    private List<OfferedListener> guarded() {
        var asked = guardian;
        return asked == null ? List.of() : asked.listeners();
    }

    private OpenListener bind(String listenerName, SocketAddress address) throws IOException {
        if (address instanceof UnixDomainSocketAddress unix) {
            // A socket file nobody listens on is left over from a process that was killed.
            if (Files.exists(unix.getPath()) && isStale(unix)) {
                Files.delete(unix.getPath());
            }
        }
        var descriptor = Listeners.bind(address, config.backlog());
        return new OpenListener(listenerName, Listeners.localAddress(descriptor), false, descriptor);
    }

    private static boolean isStale(UnixDomainSocketAddress address) {
        try (var _ = java.nio.channels.SocketChannel.open(address)) {
            return false;
        } catch (java.net.ConnectException e) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public List<Listener> listeners() {
        return List.copyOf(listeners.values());
    }

    @Override
    public void attach(Server server) {
        servers.add(server);
    }

    @Override
    public void progress(String text) {
        if (candidate != null && !said) {
            loop.execute(() -> candidate.progress(text));
        }
    }

    @Override
    public void ready() {
        said = true;
        toSupervisor(this::offerGuarded);
        loop.execute(() -> {
            if (candidate != null) {
                candidate.handle(new Candidacy.Event.AppReady());
            } else if (state == State.PREPARING) {
                var _ = servers.resume()
                        .whenComplete((nothing, error) -> loop.execute(() -> {
                            if (error != null) {
                                LOG.log(
                                        System.Logger.Level.ERROR,
                                        name + ": the servers cannot accept: " + error.getMessage(),
                                        error);
                            }
                            if (state == State.PREPARING) {
                                state = State.SERVING;
                                take();
                            }
                        }));
            }
        });
    }

    @Override
    public void failed(String reason) {
        LOG.log(
                System.Logger.Level.ERROR,
                "{0}: generation {1}, pid {2,number,#}, cannot serve: {3}",
                name,
                number,
                pid(),
                reason);
        if (candidate != null && !said) {
            // Said before this returns: the process may exit right after.
            onLoopQuietly(() -> candidate.failed(reason));
        } else if (candidate == null) {
            onLoopQuietly(() -> leave(false, 1));
        }
    }

    @Override
    public void onDrain(DrainAction action) {
        servers.add(action);
    }

    @Override
    public void onBaton(Runnable start, Runnable stop) {
        baton.add(start, stop);
    }

    @Override
    public void offerState(String stateName, StateWriter writer) {
        states.put(stateName, writer);
        toSupervisor(its -> {
            // Before that it is told with the commitment.
            if (state != State.PREPARING) {
                its.say(new Message.Offers(stateNames()));
            }
        });
    }

    @Override
    public Optional<InputStream> inheritedState(String stateName) throws IOException {
        return candidate == null
                ? Optional.empty()
                : readState(candidate, stateName).map(this::withProgress);
    }

    @Override
    public void stop() {
        stopBecause("the application asked for it");
    }

    @Override
    public void awaitEnd() throws InterruptedException {
        ended.await();
    }

    // ---- signals

    private void restartBySignal() {
        LOG.log(System.Logger.Level.INFO, "{0}: restart asked for by SIGHUP", name);
        loop.execute(() -> {
            var supervisor = supervisor();
            if (supervisor != null) {
                supervisor.say(new Message.Restart());
            } else if (isIncumbent()) {
                handover(new Handover.Event.RestartAsked(Handover.SIGNAL));
            } else {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: pid {1,number,#} is not the incumbent (yet) and cannot be restarted; SIGHUP ignored",
                        name,
                        pid());
            }
        });
    }

    private void stopBecause(String why) {
        LOG.log(
                System.Logger.Level.INFO,
                "{0}: stopping, asked for by {1}; what is open may take {2} s",
                name,
                why,
                config.shutdownTimeout().toSeconds());
        loop.execute(() -> {
            stopAsked = true;
            if (isIncumbent()) {
                handover(new Handover.Event.StopAsked());
            } else if (candidate != null) {
                candidate.handle(new Candidacy.Event.StopAsked());
            } else {
                leave(false);
            }
        });
    }

    // ---- as a successor

    @Override
    public void becomeIncumbent(ProcessHandle its, boolean restartPending) {
        state = State.SERVING;
        var supervisor = supervisor();
        if (supervisor != null) {
            supervisor.say(new Message.Offers(stateNames()));
            baton.take();
        } else {
            conductor = Conductor.after(parts(), its, restartPending);
            take();
        }
        if (stopAsked) {
            handover(new Handover.Event.StopAsked());
        }
    }

    @Override
    public void predecessorGone() {
        if (control == null) {
            // It was a supervisor. Whoever drains at its word goes on doing so.
            var relieved = adopted;
            adopted = null;
            if (state == State.SERVING) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: the supervisor has ended; this process, pid {1,number,#}, serves on and conducts its own restarts",
                        name,
                        pid());
                goOnAlone(
                        relieved != null ? relieved : candidate().membership(),
                        Deadline.after(config.shutdownTimeout()));
            }
            return;
        }
        adopted = null;
        handover(new Handover.Event.PredecessorGone());
    }

    /*
     * A supervisor that has ended in the middle of a handover may have told one generation to serve and not yet the other to
     * drain. Neither knows what the other was told. But whoever serves lets go of the baton only when told to, so of two
     * that go on the elder holds it: that one takes the office, and then the other leaves. A predecessor that drains has let go
     * of it or is about to; one that has ended holds nothing.
     */
    private void goOnAlone(Membership its, Deadline end) {
        if (state != State.SERVING || control != null) {
            return;
        }
        try {
            if (baton.isHeldElsewhere()) {
                var holder = ControlSocket.holder(controlPath);
                if (holder != null) {
                    its.relieve(
                            "the supervisor has ended in the middle of a handover, and pid " + holder + " serves on");
                    return;
                }
                if (end.isPassed()) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "{0}: another process holds the baton, {1}, and neither goes on nor ends; this process, pid {2,number,#},"
                                    + " serves meanwhile, and can be restarted only when that one has ended",
                            name,
                            controlPath + ".baton",
                            pid());
                }
                var again = end.isPassed() ? Deadline.after(config.shutdownTimeout()) : end;
                loop.after(ASK_AGAIN, () -> goOnAlone(its, again));
                return;
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: who else serves cannot be told: {1}", name, e.getMessage());
        }
        if (its.isPaused()) {
            var _ = servers.resume();
        }
        take();
    }

    @Override
    public void handedOver(Message.Outcome outcome) {
        conductor.remember(outcome);
    }

    @Override
    public void leave(int exitCode, String reason) {
        LOG.log(
                System.Logger.Level.INFO,
                "{0}: generation {1}, pid {2,number,#}, leaves: {3}",
                name,
                number,
                pid(),
                reason);
        end(exitCode);
    }

    // ---- under a supervisor

    private @Nullable Membership supervisor() {
        var its = adopted;
        if (its != null) {
            return its;
        }
        return candidate != null && candidate.isSupervised() && !candidate.isOrphan() ? candidate.membership() : null;
    }

    private boolean isSupervised() {
        return supervisor() != null;
    }

    /** From any thread. */
    private void toSupervisor(Consumer<Membership> words) {
        if (isSupervised()) {
            loop.execute(() -> {
                var its = supervisor();
                if (its != null) {
                    words.accept(its);
                }
            });
        }
    }

    @Override
    public Connection.@Nullable Handler supervise(Connection connection) {
        var refusal = adopted != null
                ? "pid " + pid() + " is supervised by pid " + adopted.supervisor() + " already"
                : state == State.DRAINING || state == State.ENDED
                        ? "pid " + pid() + " is on its way out"
                        : state == State.SERVING && conductor.phase() instanceof Handover.Phase.Idle
                                ? null
                                : "pid " + pid() + " is in the middle of a start or of a handover";
        if (refusal == null) {
            try {
                var its = Membership.of(loop, connection, servers, this, config.shutdownTimeout());
                for (var listener : listeners.values()) {
                    its.offer(listener.message(), listener.borrowed());
                }
                guarded().forEach(one -> its.offer(one.message(), one.descriptor()));
                its.say(new Message.Offers(stateNames()));
                its.say(new Message.Supervised(number, name, pid()));
                adopted = its;
                LOG.log(
                        System.Logger.Level.INFO,
                        "{0}: pid {1,number,#} supervises this process, pid {2,number,#}, from now on",
                        name,
                        its.supervisor(),
                        pid());
                return its.handler();
            } catch (LinuxException e) {
                refusal = "the supervisor cannot be watched: " + e.getMessage();
            }
        }
        var _ = connection.send(new Message.Refused(Message.Refused.UNAVAILABLE, refusal));
        return null;
    }

    @Override
    public void outOfOffice() {
        if (control != null) {
            control.close();
            control = null;
        }
        config.pidFile().ifPresent(file -> {
            try {
                PidFile.removeIf(file, pid());
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "{0}: {1}", name, e.getMessage());
            }
        });
    }

    @Override
    public boolean isOfficeHeld() {
        try {
            return baton.isHeldElsewhere() || ControlSocket.holder(controlPath) != null;
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: who serves cannot be told: {1}", name, e.getMessage());
            return false;
        }
    }

    @Override
    public void writeState(String stateName, OwnedDescriptor pipe) {
        var writer = writer(stateName);
        if (writer == null) {
            pipe.close();
        } else {
            write(stateName, writer, pipe);
        }
    }

    private Candidate candidate() {
        if (candidate == null) {
            throw new IllegalStateException("this is a first generation");
        }
        return candidate;
    }

    @Override
    public void draining() {
        state = State.DRAINING;
        baton.letGo();
    }

    @Override
    public void resumed() {
        state = State.SERVING;
        baton.take();
    }

    // ---- as the incumbent

    private boolean isIncumbent() {
        return state == State.SERVING || state == State.HANDING_OVER || state == State.DRAINING;
    }

    private void handover(Handover.Event event) {
        conductor.handle(event);
    }

    /** Where there is a supervisor, it is the one who tells. */
    private void tell() {
        var serves = name + ": generation " + number + ", pid " + pid() + ", serves";
        var last = conductor.last();
        switch (conductor.phase()) {
            case Handover.Phase.Idle(), Handover.Phase.Settling() ->
                systemd.ready(serves + (last == null || last.ok() ? "" : "; " + Report.line(last)));
            case Handover.Phase.Stopping _ -> systemd.stopping("finishing what was accepted", stopLimit());
            case Handover.Phase.Draining(), Handover.Phase.Over() -> {}
            default -> systemd.reloading(serves + "; a restart is under way");
        }
    }

    private Duration stopLimit() {
        return config.shutdownTimeout().plus(Limits.END.multipliedBy(2));
    }

    private void tellAlive() {
        if (state != State.ENDED) {
            systemd.alive();
            systemd.aliveEvery().ifPresent(every -> loop.after(every, this::tellAlive));
        }
    }

    @Override
    public void moved() {
        if (isIncumbent()) {
            tell();
            state = switch (conductor.phase()) {
                case Handover.Phase.Idle(), Handover.Phase.Settling() -> State.SERVING;
                case Handover.Phase.Draining(), Handover.Phase.Stopping _, Handover.Phase.Over() -> State.DRAINING;
                default -> State.HANDING_OVER;
            };
        }
    }

    @Override
    public void calledOff() {
        tell();
    }

    @Override
    public void take() {
        try {
            if (control == null) {
                control = ControlSocket.takeOver(loop, controlPath, reception);
            } else {
                control.heal();
            }
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    "{0}: {1}; this process, pid {2,number,#}, serves but can only be restarted by SIGHUP",
                    name,
                    e.getMessage(),
                    pid());
        }
        config.pidFile().ifPresent(file -> {
            try {
                PidFile.write(file, pid());
            } catch (IOException e) {
                LOG.log(
                        System.Logger.Level.ERROR,
                        "{0}: {1}; the file does not name this process, pid {2,number,#}, which serves",
                        name,
                        e.getMessage(),
                        pid());
            }
        });
        baton.take();
        systemd.handedOver(pid(), name + ": generation " + number + ", pid " + pid() + ", serves");
        if (systemd.aliveEvery().isPresent() && !tellsAlive) {
            tellsAlive = true;
            tellAlive();
        }
    }

    @Override
    public void passOn(boolean restartPending) {
        baton.letGo();
        var successor = conductor.successorPid();
        if (successor != null) {
            systemd.handedOver(successor, name + ": generation " + (number + 1) + ", pid " + successor + ", serves");
        }
    }

    @Override
    public void leave(boolean succeeded) {
        leave(succeeded, 0);
    }

    private void leave(boolean succeeded, int exitCode) {
        // Of its own accord: whoever supervises it is not to take it for a crash.
        toSupervisor(its -> its.say(Message.Drained.NOTHING));
        if (!succeeded && !isSupervised()) {
            config.pidFile().ifPresent(file -> {
                try {
                    PidFile.removeIf(file, pid());
                } catch (IOException e) {
                    LOG.log(System.Logger.Level.WARNING, "{0}: {1}", name, e.getMessage());
                }
            });
            for (var listener : listeners.values()) {
                if (listener.address() instanceof UnixDomainSocketAddress unix) {
                    try {
                        Files.deleteIfExists(unix.getPath());
                    } catch (IOException e) {
                        LOG.log(
                                System.Logger.Level.WARNING,
                                "{0}: cannot remove {1}: {2}",
                                name,
                                unix.getPath(),
                                e.getMessage());
                    }
                }
            }
        }
        if (control != null) {
            control.close();
        }
        end(exitCode);
    }

    private void end(int exitCode) {
        if (state == State.ENDED) {
            return;
        }
        state = State.ENDED;
        // Not on the loop: the duties of the baton may take a moment to stop, and askers are still to be answered.
        Thread.ofPlatform().name("baton-end").start(() -> {
            baton.letGo(Deadline.after(Limits.END));
            listeners.values().forEach(listener -> listener.descriptor().close());
            if (config.exits()) {
                System.exit(exitCode);
            }
            ended.countDown();
        });
    }

    /** The JVM ends, by our own hand or by the application's. */
    private void exiting() {
        onLoopQuietly(() -> {
            if (control != null) {
                control.close();
            }
        });
        loop.close();
    }

    private Conductor.Parts parts() {
        return new Conductor.Parts(
                name,
                pid(),
                number,
                false,
                loop,
                servers,
                this,
                this,
                this::reachableControlSocket,
                this::launch,
                limits);
    }

    private Path reachableControlSocket() throws IOException {
        if (control == null) {
            throw new IOException("this process has no control socket at " + controlPath);
        }
        control.heal();
        return control.path();
    }

    private Optional<String> obstacle() {
        var asked = guardian;
        return asked == null ? Optional.empty() : asked.obstacle();
    }

    private LaunchSpec launch() throws IOException {
        var obstacle = obstacle();
        if (obstacle.isPresent()) {
            throw new IOException(obstacle.get());
        }
        var spec = config.directory().isPresent()
                ? LaunchSpec.ofThisProcess(config.directory().get())
                : LaunchSpec.ofThisProcess();
        return config.environmentFile().isPresent()
                ? spec.with(EnvironmentFile.read(config.environmentFile().get()))
                : spec;
    }

    // ---- what a successor can ask for

    @Override
    public List<String> listenerNames() {
        return Stream.concat(
                        listeners.keySet().stream(),
                        guarded().stream().map(offered -> offered.message().name()))
                .toList();
    }

    @Override
    public @Nullable OfferedListener listener(String listenerName) {
        var listener = listeners.get(listenerName);
        if (listener != null) {
            return new OfferedListener(listener.message(), listener.borrowed());
        }
        return guarded().stream()
                .filter(offered -> offered.message().name().equals(listenerName))
                .findFirst()
                .orElse(null);
    }

    @Override
    public List<String> stateNames() {
        var names = new ArrayList<>(states.keySet());
        names.add(LAUNCH_STATE);
        return List.copyOf(names);
    }

    @Override
    public @Nullable OwnedDescriptor state(String stateName) throws IOException {
        var writer = writer(stateName);
        if (writer == null) {
            return null;
        }
        var pipe = Descriptors.pipe();
        write(stateName, writer, pipe.get(1));
        return pipe.get(0);
    }

    private @Nullable StateWriter writer(String stateName) {
        return stateName.equals(LAUNCH_STATE) ? this::writeLaunch : states.get(stateName);
    }

    private void write(String stateName, StateWriter writer, OwnedDescriptor pipe) {
        Thread.ofPlatform().daemon().name("baton-state").start(() -> writeNow(stateName, writer, pipe));
    }

    private void writeNow(String stateName, StateWriter writer, OwnedDescriptor pipe) {
        try {
            var out = StateStream.writer(pipe);
            try {
                writer.write(out);
                out.close();
            } catch (IOException | RuntimeException e) {
                out.abort();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: the state {1} was not passed on whole: {2}",
                    name,
                    stateName,
                    e.getMessage());
        }
    }

    private void writeLaunch(OutputStream out) throws IOException {
        var spec = LaunchSpec.ofThisProcess();
        var data = new DataOutputStream(out);
        data.writeInt(spec.command().size());
        for (var argument : spec.command()) {
            writeText(data, argument);
        }
        data.writeInt(spec.environment().size());
        for (var variable : spec.environment().entrySet()) {
            writeText(data, variable.getKey());
            writeText(data, variable.getValue());
        }
    }

    /** An incumbent that ends meanwhile leaves an orphan that knows less of it, and that goes on by itself. */
    private static Predecessor readPredecessor(Candidate candidate) {
        var welcome = candidate.welcome();
        var arguments = new ArrayList<String>();
        var environment = new LinkedHashMap<String, String>();
        try {
            var launch = readState(candidate, LAUNCH_STATE);
            if (launch.isPresent()) {
                try (var data = new DataInputStream(launch.get())) {
                    for (int left = data.readInt(); left > 0; left--) {
                        arguments.add(readText(data));
                    }
                    for (int left = data.readInt(); left > 0; left--) {
                        environment.put(readText(data), readText(data));
                    }
                }
            }
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the arguments and the environment of the predecessor, pid {0,number,#}, are not known: {1}",
                    welcome.pid(),
                    e.getMessage());
        }
        return new Predecessor(
                welcome.pid(), welcome.generation() - 1, List.copyOf(arguments), Map.copyOf(environment));
    }

    private static void writeText(DataOutputStream out, String text) throws IOException {
        var bytes = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static String readText(DataInputStream in) throws IOException {
        var bytes = in.readNBytes(in.readInt());
        return new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
    }

    private static Optional<InputStream> readState(Candidate candidate, String stateName) throws IOException {
        var reply = candidate.request(new Message.GetState(stateName));
        if (!(reply.message() instanceof Message.State) || reply.descriptors().size() != 1) {
            reply.descriptors().forEach(OwnedDescriptor::close);
            return Optional.empty();
        }
        return Optional.of(StateStream.reader(reply.descriptors().getFirst()));
    }

    /** Reading a large state is being busy. */
    private InputStream withProgress(InputStream in) {
        return new FilterInputStream(in) {
            private long total;
            private long told;

            @Override
            public int read() throws IOException {
                var one = super.read();
                count(one < 0 ? 0 : 1);
                return one;
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                var read = super.read(bytes, offset, length);
                count(Math.max(0, read));
                return read;
            }

            private void count(int read) {
                total += read;
                if (total - told >= PROGRESS_EVERY_BYTES) {
                    told = total;
                    progress("read " + total / PROGRESS_EVERY_BYTES + " MiB of state");
                }
            }
        };
    }

    // ---- how things stand

    @Override
    public Conductor conductor() {
        return conductor;
    }

    @Override
    public void stop(String why) {
        stopBecause(why);
    }

    @Override
    public @Nullable Message noRestart() {
        var supervisor = adopted;
        if (supervisor != null) {
            return new Message.Moved(supervisor.supervisor());
        }
        return state == State.PREPARING
                ? new Message.Refused(
                        Message.Refused.UNAVAILABLE, "pid " + pid() + " does not serve yet; ask again when it does")
                : null;
    }

    @Override
    public CompletableFuture<Message.StatusReply> howThingsStand() {
        return CompletableFuture.completedFuture(status());
    }

    @Override
    public Message.StatusReply status() {
        var supervisor = supervisor();
        var open = servers.open();
        var its = candidate == null || !candidate.incumbent().isAlive()
                ? null
                : candidate.incumbent().pid();
        return new Message.StatusReply(
                name,
                pid(),
                number,
                state.name().toLowerCase(java.util.Locale.ROOT),
                conductor.phase().getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT),
                Duration.ofNanos(System.nanoTime() - joinedNanos).toMillis(),
                listenerStatus(),
                baton.isHeld(),
                conductor.phase() instanceof Handover.Phase.Idle ? null : conductor.successorPid(),
                its,
                open.connections(),
                open.requests(),
                open.oldest().toMillis(),
                conductor.last(),
                version(),
                supervisor == null ? null : supervisor.supervisor(),
                obstacle().orElse(null));
    }

    private List<Message.ListenerStatus> listenerStatus() {
        var inheritable = inheritable();
        return Stream.concat(
                        listeners.values().stream()
                                .map(one -> new Message.ListenerStatus(
                                        one.name(), OpenListener.text(one.address()), one.isInherited())),
                        guarded().stream()
                                .map(Offers.OfferedListener::message)
                                .map(one -> new Message.ListenerStatus(
                                        one.name(), one.addr(), inheritable.contains(one.name()))))
                .toList();
    }

    private static String version() {
        var version = Generation.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }

    private static String defaultName() {
        var main = System.getProperty("sun.java.command", "java").split(" ", 2)[0];
        var simple = main.substring(main.lastIndexOf('/') + 1).replaceAll("\\.jar$", "");
        simple = simple.substring(simple.lastIndexOf('.') + 1).replaceAll("[^A-Za-z0-9_-]", "");
        return (simple.isEmpty() ? "java" : simple) + "-" + pid();
    }

    private static Path controlPath(BatonConfig config, String name) throws IOException {
        if (config.controlSocket().isPresent()) {
            return config.controlSocket().get();
        }
        return RuntimeDirectory.locate().create().path().resolve(name + ".sock");
    }

    private interface Task {
        void run() throws IOException;
    }

    /** Runs a task on the loop and waits for it. */
    private void onLoop(Task task) throws IOException {
        var done = new java.util.concurrent.CompletableFuture<@Nullable IOException>();
        loop.execute(() -> {
            try {
                task.run();
                done.complete(null);
            } catch (IOException e) {
                done.complete(e);
            }
        });
        var error = done.completeOnTimeout(null, 5, java.util.concurrent.TimeUnit.SECONDS)
                .join();
        if (error != null) {
            throw error;
        }
    }

    private void onLoopQuietly(Task task) {
        try {
            onLoop(task);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: {1}", name, e.getMessage());
        }
    }
}

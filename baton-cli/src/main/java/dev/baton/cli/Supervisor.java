package dev.baton.cli;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlClient;
import dev.baton.control.ControlLoop;
import dev.baton.control.ControlSocket;
import dev.baton.control.Message;
import dev.baton.handover.Conductor;
import dev.baton.handover.Handover;
import dev.baton.handover.Limits;
import dev.baton.handover.Offers;
import dev.baton.handover.Office;
import dev.baton.handover.Reception;
import dev.baton.handover.Report;
import dev.baton.handover.Serving;
import dev.baton.handover.Successor;
import dev.baton.handover.Systemd;
import dev.baton.launch.LaunchSpec;
import dev.baton.launch.PidFile;
import dev.baton.linux.Descriptors;
import dev.baton.linux.Listeners;
import dev.baton.linux.LockFile;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.User;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs an application as generations under a process that stays: conducts their handovers, keeps a copy of every listener,
 * and starts a generation that died anew, while connections wait in the backlog.
 *
 * <p><b>One tenure per generation.</b> Where an application restarts itself, each generation conducts the handover to the
 * next one, in its own process. Here it is the same, but that all the conductors live in this process: each generation has
 * its {@link Tenure}, with a {@link Conductor} of its own, which at the commitment begets the next one and then sees its
 * own generation out. The first generation succeeds nobody, and so does one that follows a crash: a handover from a seat
 * that is vacant, where pausing and draining are done at once.
 *
 * <p>All of it is confined to the control loop's thread.
 */
final class Supervisor implements Reception.House {
    private static final Duration EXIT = Duration.ofSeconds(5);

    /** How long a generation may take to say how it stands. */
    private static final Duration STATUS = Duration.ofSeconds(3);

    /** How long a generation whose supervisor has died may take to notice, and to end a start or a handover. */
    private static final Duration ORPHANED = Duration.ofSeconds(60);

    private static final Duration ASK_AGAIN = Duration.ofMillis(200);
    private static final Duration REAP_EVERY = Duration.ofSeconds(2);

    /**
     * How to supervise.
     *
     * @param name the application's name
     * @param controlPath the control socket
     * @param pidFile holds this process' pid, which never changes
     * @param limits how long to wait for what
     * @param launch says what to start, read anew each time
     * @param check is asked before a handover is begun; throws when there must be none
     * @param mostCrashes after so many in a row it gives up
     * @param sockets listeners that were opened by somebody else, by the name under which a generation asks for them
     * @param systemd who is told how things stand
     */
    record Settings(
            String name,
            Path controlPath,
            Optional<Path> pidFile,
            Limits limits,
            Callable<LaunchSpec> launch,
            Check check,
            int mostCrashes,
            Map<String, OwnedDescriptor> sockets,
            Systemd systemd) {}

    /** A test of the configuration. */
    interface Check {
        /**
         * Tests.
         *
         * @param spec what would be started
         * @throws IOException why it must not be
         */
        void run(LaunchSpec spec) throws IOException;
    }

    private record Kept(Message.Listener message, OwnedDescriptor descriptor) {}

    private final Settings settings;
    private final ControlLoop loop;
    private final long startedNanos = System.nanoTime();
    private final CompletableFuture<Integer> exitCode = new CompletableFuture<>();
    private final Map<String, Kept> listeners = new LinkedHashMap<>();
    private final Set<Tenure> leaving = new HashSet<>();
    private final Pauses pauses;
    private final Strangers strangers = new Strangers();
    private Tenure current;
    private @Nullable ControlSocket control;
    private @Nullable Set<String> claimed;
    private int stops;
    private boolean stopping;
    private boolean isRestartOwed;

    Supervisor(Settings settings) throws IOException {
        this.settings = settings;
        this.pauses = new Pauses(settings.mostCrashes());
        this.loop = new ControlLoop("baton");
        this.current = new Tenure(0, null);
        settings.sockets().forEach((name, socket) -> {
            try {
                var addr = Listeners.text(Listeners.localAddress(socket));
                var message = new Message.Listener(name, addr, socket.number(), Descriptors.name(socket.number()));
                listeners.put(name, new Kept(message, socket));
            } catch (IOException e) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: {1} is not used: {2}",
                        settings.name(),
                        name,
                        e.getMessage());
            }
        });
    }

    /**
     * Supervises until it is told to stop or gives up.
     *
     * @return the exit code
     * @throws Main.Refusal if another supervisor has this name
     * @throws IOException if it cannot begin
     */
    int run() throws Main.Refusal, IOException {
        try (var lock = LockFile.open(beside(".supervisor"))) {
            if (!lock.tryAcquire()) {
                throw taken();
            }
            if (!adopted()) {
                onLoop(() -> control = ControlSocket.open(loop, settings.controlPath(), new Reception(loop, this)));
                loop.execute(() -> current.conductor.handle(new Handover.Event.RestartAsked(Handover.SIGNAL)));
            }
            if (settings.pidFile().isPresent()) {
                PidFile.write(settings.pidFile().get(), ProcessHandle.current().pid());
            }
            loop.execute(this::attend);
            var code = exitCode.join();
            if (settings.pidFile().isPresent()) {
                PidFile.removeIf(
                        settings.pidFile().get(), ProcessHandle.current().pid());
            }
            return code;
        }
    }

    private Path beside(String suffix) {
        return settings.controlPath().resolveSibling(settings.controlPath().getFileName() + suffix);
    }

    private Main.Refusal taken() {
        var serves = "";
        try {
            var status = Status.status(settings.controlPath());
            serves = ": pid " + status.supervisorPid() + " supervises generation " + status.generation() + ", pid "
                    + status.pid();
        } catch (Main.Refusal e) {
            // It has only begun, or is about to end.
        }
        return new Main.Refusal(
                Main.REFUSED,
                settings.name() + " runs already under a supervisor" + serves + ", which is untouched; restart it with:"
                        + " baton restart " + settings.name() + ", or choose another name");
    }

    // ---- a generation that has outlived its supervisor

    /**
     * Takes over the generation that serves under this name without a supervisor. When that supervisor has just been killed,
     * the generation may not have noticed yet; that it lives is told by the baton it holds.
     *
     * @return whether there is one
     */
    private boolean adopted() throws Main.Refusal, IOException {
        var end = System.nanoTime() + ORPHANED.toNanos();
        while (true) {
            var reason = "it has not taken the control socket " + settings.controlPath();
            if (ControlSocket.holder(settings.controlPath()) != null) {
                try {
                    adopt();
                    return true;
                } catch (IOException e) {
                    reason = String.valueOf(e.getMessage());
                }
            } else if (!isBatonHeld()) {
                return false;
            }
            if (System.nanoTime() - end > 0) {
                throw new Main.Refusal(
                        Main.IN_VAIN,
                        "a generation of " + settings.name()
                                + " serves without a supervisor and could not be taken over" + " within "
                                + ORPHANED.toSeconds() + " s: " + reason + "; it serves on");
            }
            LockSupport.parkNanos(ASK_AGAIN.toNanos());
        }
    }

    private boolean isBatonHeld() throws IOException {
        if (!Files.exists(beside(".baton"))) {
            return false;
        }
        try (var baton = LockFile.open(beside(".baton"))) {
            return !baton.tryAcquire();
        }
    }

    private void adopt() throws IOException {
        var socket = ControlClient.knock(settings.controlPath());
        var orphan = new Orphan();
        onLoop(() -> orphan.ask(socket));
        try {
            orphan.taken.get(STATUS.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        } catch (TimeoutException e) {
            loop.execute(orphan::letGo);
            throw new IOException("it does not answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** The connection to a generation that serves, which becomes its link. */
    private final class Orphan implements Connection.Handler {
        private final CompletableFuture<Void> taken = new CompletableFuture<>();
        private @Nullable Connection link;
        private @Nullable Conductor seat;
        private List<String> states = List.of();

        void ask(PacketSocket socket) throws IOException {
            link = new Connection(loop, socket, this);
            if (link.peer().uid() != User.id()) {
                link.close();
                throw new IOException(settings.controlPath() + " belongs to pid "
                        + link.peer().pid() + " of uid " + link.peer().uid());
            }
            var _ = link.send(new Message.Supervise(Main.Version.number()));
        }

        void letGo() {
            if (seat == null && link != null) {
                link.close();
            }
        }

        @Override
        public void received(Message message, List<OwnedDescriptor> descriptors) {
            if (seat != null && link != null) {
                seat.fromSuccessor(link, message, descriptors);
                return;
            }
            if (message instanceof Message.Listener listener && descriptors.size() == 1) {
                keep(listener, descriptors.getFirst());
                return;
            }
            descriptors.forEach(OwnedDescriptor::close);
            switch (message) {
                case Message.Offers(List<String> names) -> states = names;
                case Message.Supervised its -> take(its);
                case Message.Refused(String _, String reason) -> {
                    letGo();
                    taken.completeExceptionally(new IOException(reason));
                }
                default -> LOG.log(System.Logger.Level.DEBUG, "{0}: {1}", settings.name(), message);
            }
        }

        private void take(Message.Supervised its) {
            if (link == null || taken.isDone()) {
                return;
            }
            try {
                control = ControlSocket.takeOver(loop, settings.controlPath(), new Reception(loop, Supervisor.this));
                var process = ProcessHandle.of(its.pid())
                        .orElseThrow(() -> new IOException("pid " + its.pid() + " has ended"));
                var vacancy = new Tenure(its.generation() - 1, null);
                var member = vacancy.conductor.adopt(process, link);
                var next = new Tenure(its.generation(), member);
                next.states = states;
                member.join(next);
                current = next;
                seat = vacancy.conductor;
                // Before it is told, which then removes the file if it is its own.
                if (settings.pidFile().isPresent()) {
                    PidFile.write(
                            settings.pidFile().get(), ProcessHandle.current().pid());
                }
                var _ = link.send(new Message.InOffice());
                LOG.log(
                        System.Logger.Level.INFO,
                        "{0}: pid {1,number,#} (generation {2}) serves without a supervisor, and is supervised from now on",
                        settings.name(),
                        its.pid(),
                        its.generation());
                if (isRestartOwed) {
                    isRestartOwed = false;
                    current.conductor.handle(new Handover.Event.RestartAsked(Handover.SIGNAL));
                }
                taken.complete(null);
            } catch (IOException e) {
                letGo();
                taken.completeExceptionally(e);
            }
        }

        @Override
        public void ended(String reason) {
            if (seat != null && link != null) {
                seat.successorLinkEnded(link, reason);
            } else {
                taken.completeExceptionally(new IOException(reason));
            }
        }
    }

    // ---- what goes on beside the handovers

    private void attend() {
        settings.systemd().aliveEvery().ifPresent(this::tellAlive);
        if (ProcessHandle.current().pid() == 1) {
            reap();
        }
        tell();
    }

    private void tellAlive(Duration every) {
        settings.systemd().alive();
        loop.after(every, () -> tellAlive(every));
    }

    private void reap() {
        strangers.reap();
        loop.after(REAP_EVERY, this::reap);
    }

    /** Tells the service manager how things stand. */
    private void tell() {
        var systemd = settings.systemd();
        var pid = current.pid();
        var phase = current.conductor.phase();
        var last = current.conductor.last();
        if (stopping) {
            systemd.stopping(
                    "finishing what was accepted", settings.limits().shutdown().plus(EXIT.multipliedBy(2)));
        } else if (pid == null) {
            systemd.status("nobody serves; generation " + (current.generation + 1) + " is being started");
        } else if (phase instanceof Handover.Phase.Idle || phase instanceof Handover.Phase.Settling) {
            systemd.ready("generation " + current.generation + ", pid " + pid + ", serves"
                    + (last == null || last.ok() ? "" : "; " + Report.line(last)));
        } else if (!(phase instanceof Handover.Phase.Draining || phase instanceof Handover.Phase.Over)) {
            systemd.reloading("generation " + current.generation + ", pid " + pid + ", serves; a restart is "
                    + phase.getClass().getSimpleName().toLowerCase(Locale.ROOT));
        }
    }

    /** From any thread. */
    void restart(String why) {
        LOG.log(System.Logger.Level.INFO, "{0}: restart asked for by {1}", settings.name(), why);
        loop.execute(() -> {
            if (control == null) {
                // It is about to take over a generation, or to start the first one.
                isRestartOwed = true;
            } else {
                current.conductor.handle(new Handover.Event.RestartAsked(Handover.SIGNAL));
            }
        });
    }

    /** From any thread: drains and ends; called again, at once; a third time, by SIGKILL. */
    @Override
    public void stop(String why) {
        LOG.log(System.Logger.Level.INFO, "{0}: stopping, asked for by {1}", settings.name(), why);
        loop.execute(() -> {
            stops++;
            if (stops > 1) {
                leaving.forEach(Tenure::hurry);
            }
            if (stops > 2) {
                leaving.forEach(Tenure::kill);
                current.kill();
            }
            stopping = true;
            tell();
            current.conductor.handle(new Handover.Event.StopAsked());
        });
    }

    /** The JVM ends: nothing of this process may stay behind. */
    void close() {
        var done = new CompletableFuture<Void>();
        loop.execute(() -> {
            if (control != null) {
                control.close();
            }
            done.complete(null);
        });
        done.completeOnTimeout(null, 1, TimeUnit.SECONDS).join();
        loop.close();
    }

    @Override
    public Conductor conductor() {
        return current.conductor;
    }

    /** The generation knows what it has open. When it does not answer, that is what is told. */
    @Override
    public CompletableFuture<Message.StatusReply> howThingsStand() {
        if (current.pid() == null) {
            return CompletableFuture.completedFuture(status(null));
        }
        return current.askStatus()
                .completeOnTimeout(null, STATUS.toMillis(), TimeUnit.MILLISECONDS)
                .handleAsync((its, error) -> status(its), loop);
    }

    private Message.StatusReply status(Message.@Nullable StatusReply its) {
        var phase = current.conductor.phase();
        var pid = current.pid();
        return new Message.StatusReply(
                settings.name(),
                pid == null ? 0 : pid,
                current.generation,
                pid == null
                        ? "vacant"
                        : its == null
                                ? "silent"
                                : phase instanceof Handover.Phase.Idle || phase instanceof Handover.Phase.Settling
                                        ? "serving"
                                        : "handing_over",
                phase.getClass().getSimpleName().toLowerCase(Locale.ROOT),
                Duration.ofNanos(System.nanoTime() - startedNanos).toMillis(),
                listeners.values().stream()
                        .map(kept -> new Message.ListenerStatus(
                                kept.message().name(), kept.message().addr(), true))
                        .toList(),
                its == null ? pid != null : its.holdsBaton(),
                phase instanceof Handover.Phase.Idle ? null : current.conductor.successorPid(),
                leaving.stream()
                        .map(Tenure::pid)
                        .filter(Objects::nonNull)
                        .findFirst()
                        .orElse(null),
                its == null ? 0 : its.openConnections(),
                its == null ? 0 : its.openRequests(),
                its == null ? 0 : its.oldestRequestMs(),
                current.conductor.last(),
                Main.Version.number(),
                ProcessHandle.current().pid(),
                its == null ? null : its.obstacle());
    }

    // ---- listeners

    private void keep(Message.Listener message, OwnedDescriptor descriptor) {
        if (claimed != null) {
            claimed.add(message.name());
        }
        var before = listeners.put(message.name(), new Kept(message, descriptor));
        if (before != null) {
            before.descriptor().close();
        }
        LOG.log(
                System.Logger.Level.INFO,
                "{0}: keeps a copy of {1} ({2})",
                settings.name(),
                message.name(),
                message.addr());
    }

    private interface Task {
        void run() throws IOException;
    }

    private void onLoop(Task task) throws IOException {
        var done = new CompletableFuture<@Nullable IOException>();
        loop.execute(() -> {
            try {
                task.run();
                done.complete(null);
            } catch (IOException e) {
                done.complete(e);
            }
        });
        var failure = done.join();
        if (failure != null) {
            throw failure;
        }
    }

    /** One generation's time in office, and the conductor of the handover that ends it. */
    private final class Tenure implements Serving, Office, Offers, Successor.Member {
        private final int generation;
        private final @Nullable Successor process;
        private final long sinceNanos = System.nanoTime();
        private final CompletableFuture<Message.Drained> drained = new CompletableFuture<>();
        private final List<CompletableFuture<Message.StatusReply>> asked = new ArrayList<>();
        private List<String> states = List.of();
        private Conductor conductor;
        private CompletableFuture<Void> answer = new CompletableFuture<>();
        private volatile boolean dead;

        Tenure(int generation, @Nullable Successor process) {
            this.generation = generation;
            this.process = process;
            this.dead = process == null;
            this.conductor = Conductor.first(parts());
        }

        private Conductor.Parts parts() {
            return new Conductor.Parts(
                    settings.name(),
                    process == null || process.pid() == null ? 0 : process.pid(),
                    generation,
                    true,
                    loop,
                    this,
                    this,
                    this,
                    Supervisor.this::reachableControlSocket,
                    this::launch,
                    process == null ? withoutWatch(settings.limits()) : settings.limits());
        }

        /** Where nobody serves there is nobody to go back to. */
        private static Limits withoutWatch(Limits limits) {
            return new Limits(limits.silence(), limits.readiness(), Duration.ZERO, limits.shutdown());
        }

        /** On a thread of its own: what stands in the way of a handover is found out before anything is started. */
        private LaunchSpec launch() throws Exception {
            var spec = settings.launch().call();
            if (!dead) {
                var asking = new CompletableFuture<Message.StatusReply>();
                loop.execute(() -> {
                    var _ = askStatus().whenComplete((its, error) -> asking.complete(its));
                });
                var its = asking.completeOnTimeout(null, STATUS.toMillis(), TimeUnit.MILLISECONDS)
                        .join();
                if (its != null && its.obstacle() != null) {
                    throw new IOException(its.obstacle());
                }
            }
            if (!dead || generation == 0) {
                // A generation that died is started again whatever the test says: nobody serves meanwhile.
                settings.check().run(spec);
            }
            return spec;
        }

        CompletableFuture<Message.StatusReply> askStatus() {
            var reply = new CompletableFuture<Message.StatusReply>();
            if (dead || process == null || !process.say(new Message.Status())) {
                reply.completeExceptionally(new IOException("generation " + generation + " cannot be reached"));
            } else {
                asked.add(reply);
            }
            return reply;
        }

        @Nullable
        Long pid() {
            return dead || process == null ? null : process.pid();
        }

        @Override
        public void calledOff() {
            moved();
            // A seat that is vacant is filled again, unless somebody is on the way or all is to end.
            if (dead && !stopping && current == this && conductor.phase() instanceof Handover.Phase.Idle) {
                refill();
            }
        }

        private void refill() {
            var pause = pauses.next();
            if (pause.isEmpty() || (generation == 0 && pauses.crashes() > 1)) {
                LOG.log(
                        System.Logger.Level.ERROR,
                        "{0}: giving up after {1} failed starts",
                        settings.name(),
                        pauses.crashes());
                end(Main.NOT_DONE);
                return;
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: generation {1} is started in {2} ms; connections wait in the backlog",
                    settings.name(),
                    generation + 1,
                    pause.get().toMillis());
            var vacancy = new Tenure(generation, null);
            current = vacancy;
            tell();
            loop.after(pause.get(), () -> {
                if (current == vacancy && !stopping && vacancy.conductor.phase() instanceof Handover.Phase.Idle) {
                    vacancy.conductor.handle(new Handover.Event.RestartAsked(Handover.SIGNAL));
                }
            });
        }

        // ---- what the conductor moves

        @Override
        public CompletableFuture<Void> pause() {
            return dead ? CompletableFuture.completedFuture(null) : ask(new Message.Pause());
        }

        @Override
        public CompletableFuture<Void> resume() {
            return dead
                    ? CompletableFuture.failedFuture(new IOException("generation " + generation + " has ended"))
                    : ask(new Message.Switch());
        }

        private CompletableFuture<Void> ask(Message message) {
            answer = new CompletableFuture<>();
            if (process == null || !process.say(message)) {
                answer.completeExceptionally(new IOException("generation " + generation + " cannot be reached"));
            }
            return answer;
        }

        @Override
        public CompletableFuture<Message.Drained> drain(Duration limit) {
            if (dead || process == null) {
                drained.complete(Message.Drained.NOTHING);
            } else {
                process.end(stopping ? "the supervisor is stopping" : "its successor serves", true);
            }
            return drained;
        }

        @Override
        public void hurry() {
            if (!dead && process != null) {
                process.end("at once", true);
            }
        }

        void kill() {
            if (!dead && process != null) {
                process.kill();
            }
        }

        /** The socket is one end of a pair; the successor gets the other. Both ends lead past this process. */
        @Override
        public void moveTo(PacketSocket way, long successor) {
            try (way) {
                if (!dead && process != null) {
                    var _ = process.say(new Message.Passage(successor, true), way.descriptor());
                }
            }
        }

        @Override
        public void moved() {
            if (current == this) {
                tell();
            }
        }

        // ---- what passes

        @Override
        public void passOn(boolean restartPending) {
            var successor = conductor.successor();
            if (successor == null) {
                throw new IllegalStateException("committed without a successor");
            }
            var next = new Tenure(successor.generation(), successor);
            next.conductor = Conductor.after(next.parts(), null, restartPending);
            successor.join(next);
            leaving.add(this);
            current = next;
            keepClaimed();
            tell();
        }

        @Override
        public void take() {
            leaving.remove(this);
            current = this;
        }

        @Override
        public void leave(boolean succeeded) {
            leaving.remove(this);
            if (!dead && process != null) {
                // It has said that it has drained; it exits now, or is helped.
                loop.after(EXIT, () -> {
                    if (!dead) {
                        process.kill();
                    }
                });
            }
            if (current == this) {
                end(0);
            } else {
                var last = conductor.last();
                if (last != null) {
                    current.conductor.remember(last);
                }
                current.conductor.handle(new Handover.Event.PredecessorGone());
            }
        }

        // ---- what a successor can ask for, and sends

        @Override
        public List<String> listenerNames() {
            return List.copyOf(listeners.keySet());
        }

        @Override
        public @Nullable OfferedListener listener(String name) {
            if (claimed != null) {
                claimed.add(name);
            }
            var kept = listeners.get(name);
            return kept == null ? null : new OfferedListener(kept.message(), kept.descriptor());
        }

        @Override
        public List<String> stateNames() {
            return states;
        }

        /** The generation that serves writes it, to the other end of a pipe of which the successor gets this end. */
        @Override
        public @Nullable OwnedDescriptor state(String name) throws IOException {
            if (dead || process == null || !states.contains(name)) {
                return null;
            }
            var pipe = Descriptors.pipe();
            try (var writeEnd = pipe.getLast()) {
                var _ = process.say(new Message.WriteState(name), writeEnd);
            }
            return pipe.getFirst();
        }

        @Override
        public void offered(Message.Listener message, OwnedDescriptor descriptor) {
            keep(message, descriptor);
        }

        // ---- what the generation says while it serves

        @Override
        public void said(Message message) {
            switch (message) {
                case Message.Paused(), Message.Serving() -> answer.complete(null);
                case Message.Failed(String reason) -> answer.completeExceptionally(new IOException(reason));
                case Message.Drained its -> drained.complete(its);
                case Message.Restart() -> restart("pid " + pid());
                case Message.Offers(List<String> names) -> states = names;
                case Message.StatusReply its -> {
                    asked.forEach(one -> one.complete(its));
                    asked.clear();
                }
                default ->
                    LOG.log(
                            System.Logger.Level.DEBUG,
                            "{0}: generation {1} said {2}",
                            settings.name(),
                            generation,
                            message);
            }
        }

        @Override
        public void ended(Handover.Event event) {
            if (dead) {
                return;
            }
            dead = true;
            if (event instanceof Handover.Event.LinkLost && process != null) {
                process.kill();
            }
            answer.complete(null);
            asked.forEach(one -> one.completeExceptionally(new IOException("generation " + generation + " has ended")));
            asked.clear();
            var wasDone = drained.isDone();
            drained.complete(Message.Drained.NOTHING);
            if (current != this || stopping) {
                return;
            }
            var isFree = conductor.phase() instanceof Handover.Phase.Idle
                    || conductor.phase() instanceof Handover.Phase.Settling;
            if (wasDone && !isFree) {
                return;
            }
            if (wasDone || (event instanceof Handover.Event.Exited(String how) && how.equals(Successor.EXITED_WELL))) {
                LOG.log(System.Logger.Level.INFO, "{0}: the application has ended by itself", settings.name());
                stopping = true;
                conductor.handle(new Handover.Event.StopAsked());
                return;
            }
            pauses.lived(Duration.ofNanos(System.nanoTime() - sinceNanos));
            LOG.log(
                    System.Logger.Level.ERROR,
                    "{0}: generation {1}, pid {2}, which served, {3}",
                    settings.name(),
                    generation,
                    String.valueOf(process == null ? null : process.pid()),
                    event instanceof Handover.Event.Exited(String how) ? how : "lost its link");
            if (isFree) {
                refill();
            }
        }
    }

    /** Listeners that the new generation neither asked for nor bound went away in its configuration. */
    private void keepClaimed() {
        var names = new ArrayList<>(listeners.keySet());
        if (claimed != null) {
            names.removeAll(claimed);
            for (var name : names) {
                var kept = listeners.remove(name);
                if (kept != null) {
                    LOG.log(
                            System.Logger.Level.INFO,
                            "{0}: {1} ({2}) is not used any more and closed",
                            settings.name(),
                            name,
                            kept.message().addr());
                    kept.descriptor().close();
                }
            }
        }
        claimed = null;
    }

    private Path reachableControlSocket() throws IOException {
        claimed = new HashSet<>();
        if (control == null) {
            throw new IOException("the supervisor has no control socket");
        }
        control.heal();
        return control.path();
    }

    private void end(int code) {
        if (leaving.isEmpty()) {
            exitCode.complete(code);
        } else {
            // Earlier generations still drain; they are bounded by their own limits.
            loop.after(Duration.ofMillis(100), () -> end(code));
        }
    }
}

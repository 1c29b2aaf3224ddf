package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlClient;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.Processes;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The shell around {@link Candidacy}: a successor's end of the link to its incumbent. Confined to the loop's thread, but
 * for {@link #join} and {@link #request}.
 */
public final class Candidate {
    private static final Duration ANSWER = Duration.ofSeconds(10);
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);
    private static final Duration GIVEN_UP = Duration.ofSeconds(10);

    /** How long after the end of its link a process that was killed may take to have ended. */
    private static final Duration ENDING = Duration.ofSeconds(5);

    /** What becomes of a candidate. Called on the loop's thread. */
    public interface Heir {
        /**
         * It is the incumbent now.
         *
         * @param predecessor the process it succeeds, which may have ended already
         * @param restartPending whether a restart must follow
         */
        void becomeIncumbent(ProcessHandle predecessor, boolean restartPending);

        /** The incumbent whose place it took has left. */
        void predecessorGone();

        /**
         * How the handover ended, in the predecessor's words.
         *
         * @param outcome its words
         */
        void handedOver(Message.Outcome outcome);

        /**
         * It has drained and must exit.
         *
         * @param exitCode zero if it has served and was relieved
         * @param reason why it is not needed
         */
        void leave(int exitCode, String reason);

        /** Its supervisor has it drain: what must run once stops. */
        void draining();

        /** Its supervisor has it accept again. */
        void resumed();

        /** {@return how things stand, for its supervisor} */
        Message.StatusReply status();

        /**
         * Writes a state for its supervisor's next generation.
         *
         * @param name its name
         * @param pipe the write end of a pipe, the receiver's to close
         */
        void writeState(String name, OwnedDescriptor pipe);

        /** A supervisor that has come to it has taken the control socket. */
        void outOfOffice();

        /** {@return whether a generation that is the incumbent lives, whoever conducts} */
        boolean isOfficeHeld();
    }

    /**
     * An answer of the incumbent.
     *
     * @param message the message
     * @param descriptors what came with it, the receiver's to close
     */
    public record Reply(Message message, List<OwnedDescriptor> descriptors) {}

    private final ControlLoop loop;
    private final Connection link;
    private final OwnedDescriptor incumbentProcess;
    private final ProcessHandle incumbent;
    private final ArrayDeque<CompletableFuture<Reply>> requests = new ArrayDeque<>();
    private final CompletableFuture<@Nullable Void> end = new CompletableFuture<>();
    private final CompletableFuture<Message.Welcome> welcome = new CompletableFuture<>();
    private @Nullable Serving serving;
    private @Nullable Heir heir;
    private Limits limits = new Limits(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO);
    private volatile Candidacy candidacy = Candidacy.joined();
    private boolean restartPending;
    private volatile boolean linkEnded;
    private boolean processEnded;
    private boolean told;
    private @Nullable Membership membership;
    private String endReason = "it was told to stop";
    private String failure = "it was told to stop";

    private Candidate(ControlLoop loop, PacketSocket socket) throws LinuxException {
        this.loop = loop;
        var pid = socket.peer().pid();
        this.incumbentProcess = Processes.descriptor(pid);
        this.incumbent = ProcessHandle.of(pid)
                .orElseThrow(() -> new LinuxException("pidfd_open(" + pid + ")", LinuxException.ESRCH));
        this.link = new Connection(loop, socket, new Connection.Handler() {
            @Override
            public void received(Message message, List<OwnedDescriptor> descriptors) {
                Candidate.this.received(message, descriptors);
            }

            @Override
            public void ended(String reason) {
                linkEnded(reason);
            }
        });
        loop.watch(incumbentProcess, this::processEnded);
    }

    /**
     * Whether this process was started as a successor.
     *
     * @param environment its environment
     * @return the control socket of its incumbent
     */
    public static Optional<Path> incumbentSocket(Map<String, String> environment) {
        return environment.containsKey(Successor.TOKEN_VARIABLE)
                ? Optional.ofNullable(environment.get(Successor.SOCKET_VARIABLE))
                        .map(Path::of)
                : Optional.empty();
    }

    /**
     * Joins the incumbent. Blocks until it has answered.
     *
     * @param loop the loop
     * @param environment this process' environment
     * @param version the version of Baton
     * @return the candidate, or empty if the variables were meant for somebody else: there is no such incumbent, or this
     *     process was started by its successor and only inherited them
     * @throws IOException if the incumbent refuses
     */
    public static Optional<Candidate> join(ControlLoop loop, Map<String, String> environment, String version)
            throws IOException {
        var path = incumbentSocket(environment);
        if (path.isEmpty()) {
            return Optional.empty();
        }
        PacketSocket socket;
        try {
            socket = ControlClient.knock(path.get());
        } catch (LinuxException e) {
            if (e.errno() == LinuxException.EAGAIN) {
                throw new IOException("the incumbent at " + path.get() + " takes no connection: " + e.getMessage(), e);
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    "started as a successor, but no incumbent answers at {0} ({1}); starting as a first generation",
                    path.get(),
                    e.getMessage());
            return Optional.empty();
        }
        var hello = new Message.Hello(
                environment.getOrDefault(Successor.TOKEN_VARIABLE, ""),
                ProcessHandle.current().pid(),
                version);
        var made = new CompletableFuture<Candidate>();
        loop.execute(() -> {
            try {
                var candidate = new Candidate(loop, socket);
                var _ = candidate.link.send(hello);
                made.complete(candidate);
            } catch (LinuxException e) {
                socket.close();
                made.completeExceptionally(e);
            }
        });
        try {
            var candidate = await(made, "to join the incumbent at " + path.get());
            var _ = await(candidate.welcome, "to be welcomed by pid " + candidate.incumbent.pid());
            return Optional.of(candidate);
        } catch (NotExpected e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "started with the variables of a successor, but not as one ({0}); starting as a first generation",
                    e.getMessage());
            return Optional.empty();
        }
    }

    private static final class NotExpected extends IOException {
        private static final long serialVersionUID = 1L;

        NotExpected(String message) {
            super(message);
        }
    }

    /** {@return what the incumbent said in welcome} */
    public Message.Welcome welcome() {
        return welcome.join();
    }

    /**
     * Names what this candidate moves and who is told what becomes of it. Before anything is said.
     *
     * @param ownServing its servers
     * @param ownHeir who is told
     * @param ownLimits how long to wait
     */
    public void begin(Serving ownServing, Heir ownHeir, Limits ownLimits) {
        serving = ownServing;
        heir = ownHeir;
        limits = ownLimits;
        membership = new Membership(loop, link, ownServing, ownHeir, ownLimits.shutdown());
        loop.execute(() -> {
            if (linkEnded) {
                handle(new Candidacy.Event.LinkLost());
            }
        });
    }

    /**
     * Asks the incumbent for something and waits. From any thread but the loop's.
     *
     * @param message the question
     * @return the answer
     * @throws IOException if none comes
     */
    public Reply request(Message message) throws IOException {
        var answer = new CompletableFuture<Reply>();
        loop.execute(() -> {
            if (link.send(message)) {
                requests.add(answer);
            } else {
                answer.completeExceptionally(new IOException("the link to the incumbent is gone"));
            }
        });
        return await(answer, "for an answer of pid " + incumbent.pid());
    }

    /**
     * Tells the incumbent that this process is alive.
     *
     * @param text what it is doing
     */
    public void progress(String text) {
        var _ = link.send(new Message.Progress(text));
    }

    /** {@return where the candidacy stands} */
    public Candidacy.Phase phase() {
        return candidacy.phase();
    }

    /** {@return whether the process of the incumbent, or of the supervisor, has ended} */
    public boolean isOrphan() {
        return candidacy.orphan();
    }

    /**
     * Tells a lost link from a dead incumbent, after a request was not answered. Waits for a moment: the link of a process that is
     * killed ends a little earlier than the process.
     *
     * @return whether the process of the incumbent, or of the supervisor, has ended
     */
    public boolean hasIncumbentEnded() {
        try {
            if (!linkEnded) {
                return false;
            }
            end.get(ENDING.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new AssertionError("only ever completed with null", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** {@return the process of the incumbent, or of the predecessor} */
    public ProcessHandle incumbent() {
        return incumbent;
    }

    /**
     * Says to the incumbent that the application cannot start.
     *
     * @param reason why
     */
    public void failed(String reason) {
        failure = reason;
        handle(new Candidacy.Event.AppFailed(reason));
    }

    /**
     * Something happened.
     *
     * @param event what
     */
    public void handle(Candidacy.Event event) {
        var step = candidacy.step(event);
        if (step.next().phase() != candidacy.phase()) {
            LOG.log(
                    System.Logger.Level.DEBUG,
                    "candidate: {0} -> {1} on {2}",
                    candidacy.phase(),
                    step.next().phase(),
                    event);
        }
        candidacy = step.next();
        step.effects().forEach(this::perform);
    }

    private void perform(Candidacy.Effect effect) {
        if (serving == null || heir == null) {
            throw new IllegalStateException("begin() was not called");
        }
        switch (effect) {
            case TELL_READY -> link.send(new Message.Ready());
            case TELL_SERVING -> link.send(new Message.Serving());
            case TELL_FAILED -> link.send(new Message.Failed(failure));
            case ACCEPT -> {
                var _ = serving.resume()
                        .whenComplete((nothing, error) -> loop.execute(() -> {
                            if (error == null) {
                                handle(new Candidacy.Event.Accepting());
                            } else {
                                failure = "it could not begin to accept: " + error.getMessage();
                                handle(new Candidacy.Event.AcceptFailed(failure));
                            }
                        }));
            }
            case BECOME_INCUMBENT -> {
                if (candidacy.orphan()) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "the incumbent, pid {0,number,#}, has ended before it handed over; this process, pid {1,number,#}, serves on",
                            incumbent.pid(),
                            ProcessHandle.current().pid());
                }
                heir.becomeIncumbent(incumbent, restartPending);
                if (candidacy.orphan()) {
                    heir.predecessorGone();
                } else {
                    var _ = link.send(new Message.InOffice());
                }
            }
            case ARM_GIVEN_UP -> loop.after(GIVEN_UP, () -> handle(new Candidacy.Event.GivenUp()));
            case DRAIN -> {
                var _ = serving.drain(limits.shutdown())
                        .whenComplete((result, error) -> loop.execute(() -> {
                            if (error == null) {
                                var _ = link.send(result);
                            }
                            handle(new Candidacy.Event.Drained());
                        }));
            }
            case HURRY -> serving.hurry();
            case LEAVE -> heir.leave(1, endReason);
        }
    }

    private void received(Message message, List<OwnedDescriptor> descriptors) {
        var taken = false;
        switch (message) {
            case Message.Welcome its -> welcome.complete(its);
            case Message.Listener _, Message.NoListener _, Message.State _, Message.NoState _ -> {
                var request = requests.poll();
                taken = request != null && request.complete(new Reply(message, descriptors));
            }
            case Message.Refused(String code, String reason) -> refused(code, reason);
            case Message its when isMember() -> taken = membership().received(its, descriptors);
            case Message.Switch() -> handle(new Candidacy.Event.SwitchTold());
            case Message.Commit(boolean pending) -> {
                restartPending = pending;
                handle(new Candidacy.Event.CommitTold());
            }
            case Message.Drain(String reason) -> {
                endReason = reason;
                handle(new Candidacy.Event.StopAsked());
            }
            case Message.TakeBack(String reason) -> {
                endReason = reason;
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the incumbent, pid {0,number,#}, takes over again: {1}",
                        incumbent.pid(),
                        reason);
                handle(new Candidacy.Event.EndTold());
            }
            case Message.Passage(long pid, boolean outward)
            when descriptors.size() == 1 && membership != null -> {
                taken = true;
                membership.passage(PacketSocket.of(descriptors.getFirst()), pid, outward);
            }
            case Message.Outcome outcome -> {
                if (heir != null) {
                    heir.handedOver(outcome);
                }
            }
            default ->
                LOG.log(
                        System.Logger.Level.WARNING,
                        "the incumbent, pid {0,number,#}, said {1}, which means nothing here",
                        incumbent.pid(),
                        message);
        }
        if (!taken) {
            descriptors.forEach(OwnedDescriptor::close);
        }
    }

    /** Whether this generation serves under a supervisor, which then tells it what to do over the link. */
    private boolean isMember() {
        return candidacy.phase() == Candidacy.Phase.INCUMBENT && !isOrphan() && isSupervised();
    }

    /** {@return whether it was a supervisor that started this generation} */
    public boolean isSupervised() {
        return Boolean.TRUE.equals(welcome().supervised());
    }

    /** {@return the end of the link that is used once a supervisor has this generation serve} */
    public Membership membership() {
        if (membership == null) {
            throw new IllegalStateException("begin() was not called");
        }
        return membership;
    }

    private void refused(String code, String reason) {
        if (!welcome.isDone()) {
            welcome.completeExceptionally(
                    code.equals(Message.Refused.PROTOCOL) || code.equals(Message.Refused.UNAVAILABLE)
                            ? new IOException("the incumbent, pid " + incumbent.pid()
                                    + ", does not speak with this process: " + reason)
                            : new NotExpected(reason));
            return;
        }
        var request = requests.poll();
        if (request != null) {
            request.completeExceptionally(
                    new IOException("the incumbent, pid " + incumbent.pid() + ", refused: " + reason));
        } else {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the incumbent, pid {0,number,#}, refused: {1}",
                    incumbent.pid(),
                    reason);
        }
    }

    private void linkEnded(String reason) {
        linkEnded = true;
        var gone = new IOException("the link to the incumbent is gone: " + reason);
        welcome.completeExceptionally(gone);
        requests.forEach(request -> request.completeExceptionally(gone));
        requests.clear();
        if (processEnded) {
            incumbentGone();
        } else if (heir != null) {
            handle(new Candidacy.Event.LinkLost());
        }
    }

    private void processEnded() {
        loop.unwatch(incumbentProcess);
        incumbentProcess.close();
        processEnded = true;
        if (linkEnded) {
            incumbentGone();
        } else {
            // Words said before the end are still in the link, and come first.
            loop.after(LAST_WORDS, this::incumbentGone);
        }
    }

    private void incumbentGone() {
        end.complete(null);
        if (told) {
            return;
        }
        told = true;
        var before = candidacy.phase();
        if (heir != null && isSupervised() && before != Candidacy.Phase.INCUMBENT && heir.isOfficeHeld()) {
            // Who has ended is the conductor. The generation that was to be relieved serves on, and one is enough.
            endReason = "the supervisor has ended, and the generation before this one serves on";
            LOG.log(System.Logger.Level.WARNING, endReason);
            handle(new Candidacy.Event.GivenUp());
            return;
        }
        handle(new Candidacy.Event.IncumbentGone());
        if (before == Candidacy.Phase.INCUMBENT && heir != null) {
            heir.predecessorGone();
        }
    }

    private static <T> T await(CompletableFuture<T> future, String forWhat) throws IOException {
        try {
            return future.get(ANSWER.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        } catch (TimeoutException e) {
            throw new IOException("waited " + ANSWER.toSeconds() + " s " + forWhat + " in vain", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting " + forWhat, e);
        }
    }
}

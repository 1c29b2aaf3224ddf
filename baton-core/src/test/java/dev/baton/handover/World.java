package dev.baton.handover;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The processes of a handover as far as the two machines can tell: what the shells ({@link Conductor}, {@link Candidate},
 * {@link Successor} and the office) and the kernel do between them, without time.
 *
 * <p><b>What is modelled.</b> Links deliver whole packets in order, and what was sent before a death still arrives, then
 * the end. Servers answer one call after the other, whenever they like. The end of a process and the end of its link are
 * noticed apart. The lock of the baton is the kernel's: it is free once its holder let go or ended, and whoever is entitled
 * gets it some time later. A successor that was started and not yet welcomed becomes a first generation when its incumbent
 * has ended.
 */
final class World {
    /**
     * How far the exploration goes.
     *
     * @param faults how many faults
     * @param asks how many restarts are asked for; the last of several by a signal
     * @param starts how many successors are started at most; what would start one more is not explored
     */
    record Budget(int faults, int asks, int starts) {}

    /**
     * Something that may happen next.
     *
     * @param what in words, behind the process
     * @param isFault whether it is taken from the budget
     * @param pid to which process
     * @param change what it does
     */
    record Move(String what, boolean isFault, int pid, BiConsumer<World, Proc> change) {
        String text() {
            return "pid " + pid + what;
        }
    }

    private enum Word {
        READY,
        SERVING,
        FAILED,
        SWITCH,
        COMMIT,
        COMMIT_PENDING,
        TAKE_BACK,
        DRAIN
    }

    private enum Call {
        PAUSE,
        RESUME,
        DRAIN
    }

    /** One process: what it knows, and what the kernel knows of it. */
    static final class Proc {
        private final int pid;
        private final int parent;
        private boolean alive = true;
        private boolean suspended;
        private boolean leaving;
        private boolean terminated;
        private boolean stopped;

        // As a successor.
        private @Nullable Candidacy candidacy;
        private boolean joined;
        private boolean wasReady;
        private boolean linkEndSeen;
        private boolean parentEndTold;
        private boolean givenUpArmed;
        private boolean restartPending;
        private boolean linkOpenHere = true;
        private boolean linkOpenThere = true;
        private List<Word> up = List.of();
        private List<Word> down = List.of();

        // As the incumbent.
        private @Nullable Handover handover;
        private final Set<Handover.Limit> armed = EnumSet.noneOf(Handover.Limit.class);
        private int successor = -1;
        private boolean launching;
        private boolean unwanted;
        private boolean linked;
        private boolean successorLinkEndSeen;
        private boolean successorExitSeen;
        private boolean successorEndTold;
        private boolean pauseConfirmed;
        private boolean commitUnheard;

        /** It has said that it served before it was told to: it may miss the commitment, and nobody can tell. */
        private boolean hasLied;

        private boolean signalOwed;

        // Its servers and its baton.
        private List<Call> calls = List.of();
        private boolean draining;
        private boolean hangs;
        private boolean serverFailed;
        private boolean accepting;
        private boolean entitled;
        private boolean holdsBaton;

        Proc(int pid, int parent) {
            this.pid = pid;
            this.parent = parent;
        }

        Proc(Proc of) {
            this(of.pid, of.parent);
            alive = of.alive;
            suspended = of.suspended;
            leaving = of.leaving;
            terminated = of.terminated;
            stopped = of.stopped;
            candidacy = of.candidacy;
            joined = of.joined;
            wasReady = of.wasReady;
            linkEndSeen = of.linkEndSeen;
            parentEndTold = of.parentEndTold;
            givenUpArmed = of.givenUpArmed;
            restartPending = of.restartPending;
            linkOpenHere = of.linkOpenHere;
            linkOpenThere = of.linkOpenThere;
            up = of.up;
            down = of.down;
            handover = of.handover;
            armed.addAll(of.armed);
            successor = of.successor;
            launching = of.launching;
            unwanted = of.unwanted;
            hasLied = of.hasLied;
            linked = of.linked;
            successorLinkEndSeen = of.successorLinkEndSeen;
            successorExitSeen = of.successorExitSeen;
            successorEndTold = of.successorEndTold;
            pauseConfirmed = of.pauseConfirmed;
            signalOwed = of.signalOwed;
            calls = of.calls;

            draining = of.draining;
            hangs = of.hangs;
            serverFailed = of.serverFailed;
            accepting = of.accepting;
            entitled = of.entitled;
            holdsBaton = of.holdsBaton;
        }

        private boolean thinks() {
            return alive && !suspended;
        }

        private long flags() {
            var bits = 1L;
            for (var flag : new boolean[] {
                alive,
                suspended,
                leaving,
                terminated,
                stopped,
                joined,
                wasReady,
                linkEndSeen,
                parentEndTold,
                givenUpArmed,
                restartPending,
                linkOpenHere,
                linkOpenThere,
                launching,
                unwanted,
                hasLied,
                linked,
                successorLinkEndSeen,
                successorExitSeen,
                successorEndTold,
                pauseConfirmed,
                signalOwed,
                draining,
                hangs,
                serverFailed,
                accepting,
                entitled,
                holdsBaton
            }) {
                bits = (bits << 1) | (flag ? 1 : 0);
            }
            return bits;
        }

        /** Everything while it lives, but for words to people; when it is dead, what others can still see of it. */
        private void mixInto(Fingerprint print) {
            if (!alive) {
                print.mix(linkOpenThere ? -1 : -2).mix(up);
                return;
            }
            print.mix(flags()).mix(successor).mix(up).mix(down).mix(calls);
            for (var limit : armed) {
                print.mix(limit.name().hashCode());
            }
            print.mix(candidacy == null ? 0 : candidacy.phase().name().hashCode() + (candidacy.orphan() ? 100 : 200));
            if (handover == null) {
                return;
            }
            print.mix(handover.phase().getClass().getName().hashCode());
            switch (handover.phase()) {
                case Handover.Phase.Undoing undoing ->
                    print.mix((undoing.rolledBack() ? 1 : 0)
                            + (undoing.resumed() ? 2 : 0)
                            + (undoing.gone() ? 4 : 0)
                            + (undoing.killed() ? 8 : 0));
                case Handover.Phase.Stopping stopping ->
                    print.mix((stopping.drained() ? 1 : 0) + (stopping.gone() ? 2 : 0));
                default -> {}
            }
            for (int asker : handover.askers()) {
                print.mix(asker);
            }
            print.mix(-3);
            for (int asker : handover.waiting()) {
                print.mix(asker);
            }
        }

        @Override
        public String toString() {
            return "  pid " + pid + (alive ? "" : " (dead)") + (suspended ? " (suspended)" : "") + ": "
                    + (handover != null ? handover : candidacy) + (accepting ? ", accepts" : ", does not accept")
                    + (holdsBaton ? ", holds the baton" : entitled ? ", waits for the baton" : "") + ", limits " + armed
                    + ", servers " + calls + (draining ? " draining" : "") + (hangs ? " hanging" : "") + ", to it "
                    + down + ", from it " + up;
        }
    }

    private final List<Proc> procs = new ArrayList<>();
    private @Nullable List<Move> moves;
    private final int[] answers;
    private final boolean[] excused;
    private final LinkedHashSet<String> broken = new LinkedHashSet<>();
    private int faults;
    private int asked;
    private int starts;
    private boolean stopped;

    private World(Budget budget) {
        faults = budget.faults();
        starts = budget.starts();
        answers = new int[budget.asks() + 1];
        excused = new boolean[budget.asks() + 1];
    }

    private World(World of) {
        of.procs.forEach(proc -> procs.add(new Proc(proc)));
        answers = of.answers.clone();
        excused = of.excused.clone();
        faults = of.faults;
        asked = of.asked;
        starts = of.starts;
        stopped = of.stopped;
    }

    static World start(Budget budget) {
        var world = new World(budget);
        var first = new Proc(1, 0);
        first.handover = Handover.idle();
        first.accepting = true;
        first.wasReady = true;
        first.entitled = true;
        first.holdsBaton = true;
        world.procs.add(first);
        return world;
    }

    World after(Move move) {
        var next = new World(this);
        next.faults -= move.isFault() ? 1 : 0;
        move.change().accept(next, next.proc(move.pid()));
        next.checkAlways();
        return next;
    }

    List<String> broken() {
        return List.copyOf(broken);
    }

    /** {@return 64 bits that tell this world from others} */
    long fingerprint() {
        var print = new Fingerprint();
        for (var proc : procs) {
            proc.mixInto(print.mix(-4 - proc.pid));
        }
        for (var i = 0; i < answers.length; i++) {
            print.mix(answers[i] + (excused[i] ? 10 : 0));
        }
        return print.mix(faults).mix(asked).mix(starts).mix(stopped ? 1 : 0).value;
    }

    private static final class Fingerprint {
        private long value = 0x9e3779b97f4a7c15L;

        Fingerprint mix(long part) {
            value = (value ^ part) * 0xbf58476d1ce4e5b9L;
            value ^= value >>> 27;
            value *= 0x94d049bb133111ebL;
            value ^= value >>> 31;
            return this;
        }

        Fingerprint mix(List<? extends Enum<?>> queue) {
            for (var one : queue) {
                mix(one.name().hashCode());
            }
            return mix(queue.size());
        }
    }

    private static <T> @Nullable T first(List<T> queue) {
        return queue.isEmpty() ? null : queue.getFirst();
    }

    private static <T> List<T> rest(List<T> queue) {
        return List.copyOf(queue.subList(1, queue.size()));
    }

    private static <T> List<T> plus(List<T> queue, T last) {
        var longer = new ArrayList<>(queue);
        longer.add(last);
        return List.copyOf(longer);
    }

    @Override
    public String toString() {
        var text = new StringBuilder();
        procs.forEach(proc -> text.append(proc).append('\n'));
        return text.append("  answers ")
                .append(java.util.Arrays.toString(answers))
                .toString();
    }

    private Proc proc(int pid) {
        return procs.get(pid - 1);
    }

    private @Nullable Proc parentOf(Proc proc) {
        return proc.parent == 0 ? null : proc(proc.parent);
    }

    private @Nullable Proc successorOf(Proc proc) {
        return proc.successor < 0 ? null : proc(proc.successor);
    }

    // ---- what may happen

    List<Move> moves() {
        if (moves == null) {
            moves = allMoves();
        }
        return moves;
    }

    private List<Move> allMoves() {
        var moves = new ArrayList<Move>();
        for (var proc : procs) {
            if (proc.alive) {
                happenings(proc, moves);
                if (faults > 0) {
                    faults(proc, moves);
                }
            }
        }
        if (asked < answers.length - 1) {
            asks(moves);
        }
        return moves;
    }

    private void happenings(Proc proc, List<Move> moves) {
        if (!proc.thinks()) {
            return;
        }
        var pid = proc.pid;
        if (proc.leaving) {
            moves.add(new Move(" exits", false, pid, World::end));
        }
        if (proc.terminated && !proc.joined && proc.handover == null) {
            moves.add(new Move(" is ended by SIGTERM before it joined", false, pid, World::end));
            return;
        }
        if (proc.terminated) {
            moves.add(new Move(" handles SIGTERM", false, pid, (w, p) -> {
                p.terminated = false;
                w.stop(p);
            }));
        }
        if (!proc.joined && proc.handover == null) {
            moves.add(new Move(" says hello", false, pid, World::hello));
            return;
        }
        if (proc.candidacy != null) {
            asCandidate(proc, proc.candidacy, moves);
        }
        if (proc.handover != null) {
            asIncumbent(proc, moves);
        }
        if (!proc.hangs && first(proc.calls) != null) {
            moves.add(new Move("'s servers did " + first(proc.calls), false, pid, (w, p) -> w.answer(p, true)));
        } else if (!proc.hangs && proc.draining) {
            moves.add(new Move("'s servers have drained", false, pid, (w, p) -> {
                p.draining = false;
                if (p.handover != null) {
                    w.handle(p, new Handover.Event.Drained());
                } else {
                    w.handle(p, new Candidacy.Event.Drained());
                }
            }));
        }
        if (!proc.entitled && proc.holdsBaton) {
            moves.add(new Move(" lets go of the baton", false, pid, (_, p) -> p.holdsBaton = false));
        }
        if (proc.entitled && !proc.holdsBaton && procs.stream().noneMatch(other -> other.alive && other.holdsBaton)) {
            moves.add(new Move(" gets the baton", false, pid, (_, p) -> p.holdsBaton = true));
        }
    }

    private void asCandidate(Proc proc, Candidacy candidacy, List<Move> moves) {
        var pid = proc.pid;
        var parent = parentOf(proc);
        if (candidacy.phase() == Candidacy.Phase.PREPARING) {
            moves.add(new Move("'s application is ready", false, pid, (w, p) -> {
                p.wasReady = true;
                w.handle(p, new Candidacy.Event.AppReady());
            }));
        }
        if (parent == null) {
            return;
        }
        var word = first(proc.down);
        if (!proc.linkEndSeen) {
            if (word != null) {
                moves.add(new Move(" is told " + word, false, pid, World::told));
            } else if (!proc.linkOpenThere || !proc.linkOpenHere) {
                moves.add(new Move(" sees the end of its link", false, pid, (w, p) -> {
                    p.linkEndSeen = true;
                    p.linkOpenHere = false;
                    if (!p.parentEndTold) {
                        w.handle(p, new Candidacy.Event.LinkLost());
                    }
                }));
            }
        }
        if (!parent.alive && !proc.parentEndTold && proc.linkEndSeen) {
            moves.add(new Move(" sees the end of pid " + proc.parent, false, pid, (w, p) -> {
                p.parentEndTold = true;
                var before = p.handover;
                w.handle(p, new Candidacy.Event.IncumbentGone());
                if (before != null) {
                    w.handle(p, new Handover.Event.PredecessorGone());
                }
            }));
        }
        if (proc.givenUpArmed) {
            moves.add(new Move(" gives up on its link", false, pid, (w, p) -> {
                p.givenUpArmed = false;
                w.handle(p, new Candidacy.Event.GivenUp());
            }));
        }
    }

    private void asIncumbent(Proc proc, List<Move> moves) {
        var pid = proc.pid;
        if (proc.launching) {
            moves.add(new Move("'s successor is started", false, pid, (w, p) -> {
                p.launching = false;
                var started = new Proc(w.procs.size() + 1, p.pid);
                w.procs.add(started);
                p.successor = started.pid;
                if (p.unwanted) {
                    w.end(started);
                }
            }));
        }
        var successor = successorOf(proc);
        if (successor != null && proc.linked && !proc.successorLinkEndSeen) {
            var word = first(successor.up);
            if (word != null) {
                moves.add(new Move(" hears " + word, false, pid, World::heard));
            } else if (!successor.linkOpenHere || !successor.linkOpenThere) {
                moves.add(new Move(" sees the end of its successor's link", false, pid, World::linkEndSeen));
            }
        }
        if (successor != null && !successor.alive && !proc.successorExitSeen) {
            moves.add(new Move(" sees the exit of pid " + successor.pid, false, pid, (w, p) -> {
                p.successorExitSeen = true;
                if (!p.linked || p.successorLinkEndSeen) {
                    w.successorEnded(p, new Handover.Event.Exited("exited"));
                }
            }));
        }
        if (proc.linked && proc.successorLinkEndSeen && !proc.successorExitSeen && !proc.successorEndTold) {
            moves.add(new Move(" waited for the exit of a successor without link", false, pid, (w, p) -> {
                p.successorEndTold = true;
                w.handle(p, new Handover.Event.LinkLost("it closed the connection"));
            }));
        }
        for (var limit : proc.armed) {
            moves.add(new Move("'s limit passes: " + limit, false, pid, (w, p) -> {
                p.armed.remove(limit);
                w.handle(p, new Handover.Event.TimeUp(limit));
            }));
        }
    }

    private void faults(Proc proc, List<Move> moves) {
        var pid = proc.pid;
        moves.add(new Move(" is killed", true, pid, (w, p) -> {
            w.excuseAskersOf(p);
            w.end(p);
        }));
        if (!proc.thinks()) {
            return;
        }
        if (!proc.terminated) {
            moves.add(new Move(" gets SIGTERM", true, pid, (_, p) -> p.terminated = true));
        }
        if (proc.launching) {
            moves.add(new Move("'s successor cannot be started", true, pid, (w, p) -> {
                p.launching = false;
                w.handle(p, new Handover.Event.StartFailed("no such file"));
            }));
        }
        if (proc.candidacy != null && proc.handover == null) {
            moves.add(new Move(" is suspended", true, pid, (_, p) -> p.suspended = true));
            if (proc.candidacy.phase() == Candidacy.Phase.PREPARING) {
                moves.add(new Move(
                        "'s application fails",
                        true,
                        pid,
                        (w, p) -> w.handle(p, new Candidacy.Event.AppFailed("no database"))));
            }
            if (proc.linkOpenHere && proc.linkOpenThere) {
                for (var lie : List.of(Word.READY, Word.FAILED)) {
                    moves.add(new Move(" lies: " + lie, true, pid, (_, p) -> p.up = plus(p.up, lie)));
                }
                // That it serves cannot be told from the truth once it was told to: only a probe could.
                var parent = parentOf(proc);
                if (parent != null
                        && parent.handover != null
                        && !(parent.handover.phase() instanceof Handover.Phase.Switching)
                        && !(parent.handover.phase() instanceof Handover.Phase.Pausing)) {
                    moves.add(new Move(" lies: SERVING", true, pid, (_, p) -> {
                        p.up = plus(p.up, Word.SERVING);
                        p.hasLied = true;
                    }));
                }
                moves.add(new Move("'s link breaks", true, pid, (_, p) -> {
                    p.linkOpenHere = false;
                    p.linkOpenThere = false;
                }));
            }
        }
        if (!proc.hangs && first(proc.calls) != null) {
            moves.add(new Move("'s servers fail to " + first(proc.calls), true, pid, (w, p) -> w.answer(p, false)));
            moves.add(new Move("'s servers hang", true, pid, (_, p) -> p.hangs = true));
        }
    }

    private void asks(List<Move> moves) {
        var asker = asked + 1;
        var bySignal = asker > 1 && asker == answers.length - 1;
        for (var proc : procs) {
            if (proc.thinks() && proc.handover != null && !proc.leaving) {
                moves.add(new Move(
                        " is asked to restart by " + (bySignal ? "SIGHUP" : "asker " + asker),
                        false,
                        proc.pid,
                        (w, p) -> {
                            w.asked++;
                            if (bySignal) {
                                w.excused[asker] = true;
                                p.signalOwed = !(p.handover != null
                                        && (p.handover.phase() instanceof Handover.Phase.Draining
                                                || p.handover.phase() instanceof Handover.Phase.Over
                                                || p.handover.phase() instanceof Handover.Phase.Stopping));
                            }
                            w.handle(p, new Handover.Event.RestartAsked(bySignal ? Handover.SIGNAL : asker));
                        }));
            }
        }
    }

    // ---- the kernel

    private void end(Proc proc) {
        proc.alive = false;
        proc.accepting = false;
        proc.holdsBaton = false;
        proc.entitled = false;
        proc.linkOpenHere = false;
        proc.down = List.of();
        proc.calls = List.of();
        proc.draining = false;
        proc.armed.clear();
        proc.launching = false;
        var successor = successorOf(proc);
        if (successor != null) {
            successor.linkOpenThere = false;
            successor.up = List.of();
        }
    }

    private void answer(Proc proc, boolean done) {
        var call = proc.calls.getFirst();
        proc.calls = rest(proc.calls);
        if (done) {
            proc.accepting = call == Call.RESUME;
        } else {
            proc.accepting &= call != Call.RESUME;
            proc.serverFailed = true;
        }
        if (proc.handover == null) {
            if (call == Call.RESUME) {
                handle(proc, done ? new Candidacy.Event.Accepting() : new Candidacy.Event.AcceptFailed("in use"));
            }
            return;
        }
        // The conductor hears the answer to its latest call only, and a drain pauses without a word.
        var isLatest = !proc.calls.contains(Call.PAUSE) && !proc.calls.contains(Call.RESUME);
        if (isLatest && call == Call.PAUSE) {
            proc.pauseConfirmed = done;
            handle(proc, done ? new Handover.Event.Paused() : new Handover.Event.PauseFailed("no"));
        } else if (isLatest && call == Call.RESUME) {
            handle(proc, new Handover.Event.Resumed());
        }
    }

    // ---- the shell of the candidate

    private void hello(Proc proc) {
        var parent = parentOf(proc);
        if (parent == null || !parent.alive) {
            // Nobody answers at the control socket: it starts as a first generation.
            proc.joined = true;
            proc.parentEndTold = true;
            proc.candidacy = new Candidacy(Candidacy.Phase.PREPARING, true);
        } else if (parent.handover != null
                && parent.handover.phase() instanceof Handover.Phase.Starting
                && !parent.linked
                && parent.successor == proc.pid) {
            proc.joined = true;
            proc.candidacy = Candidacy.joined();
            parent.linked = true;
            handle(parent, new Handover.Event.Hello());
        } else {
            end(proc);
        }
    }

    private void told(Proc proc) {
        var word = proc.down.getFirst();
        proc.down = rest(proc.down);
        switch (word) {
            case SWITCH -> handle(proc, new Candidacy.Event.SwitchTold());
            case COMMIT -> handle(proc, new Candidacy.Event.CommitTold());
            case COMMIT_PENDING -> {
                proc.restartPending = true;
                handle(proc, new Candidacy.Event.CommitTold());
            }
            case TAKE_BACK -> handle(proc, new Candidacy.Event.EndTold());
            case DRAIN -> stop(proc);
            case READY, SERVING, FAILED -> throw new IllegalStateException("no word for a candidate");
        }
    }

    private void handle(Proc proc, Candidacy.Event event) {
        if (proc.candidacy == null) {
            return;
        }
        var step = proc.candidacy.step(event);
        proc.candidacy = step.next();
        for (var effect : step.effects()) {
            switch (effect) {
                case TELL_READY -> say(proc, Word.READY);
                case TELL_SERVING -> say(proc, Word.SERVING);
                case TELL_FAILED -> say(proc, Word.FAILED);
                case ACCEPT -> {
                    var parent = parentOf(proc);
                    if (parent != null && parent.alive && !parent.pauseConfirmed && !parent.serverFailed) {
                        broken.add("no successor accepts before the incumbent has paused or ended: pid " + proc.pid);
                    }
                    proc.draining = false;
                    proc.calls = plus(proc.calls, Call.RESUME);
                }
                case BECOME_INCUMBENT -> becomeIncumbent(proc, step.next().orphan());
                case ARM_GIVEN_UP -> proc.givenUpArmed = true;
                case DRAIN -> drain(proc);
                case HURRY -> {}
                case LEAVE -> {
                    if (proc.parentEndTold && proc.wasReady && !proc.serverFailed && !proc.stopped) {
                        broken.add("while one that was ready lives, somebody serves: pid " + proc.pid
                                + " leaves though its incumbent has ended");
                    }
                    proc.leaving = true;
                }
            }
        }
    }

    private void becomeIncumbent(Proc proc, boolean orphan) {
        var step = Handover.settling(proc.restartPending);
        proc.signalOwed = proc.restartPending;
        proc.handover = step.next();
        perform(proc, step.effects());
        proc.entitled = true;
        if (orphan) {
            handle(proc, new Handover.Event.PredecessorGone());
        }
    }

    private void say(Proc proc, Word word) {
        if (proc.linkOpenHere && proc.linkOpenThere) {
            proc.up = plus(proc.up, word);
        }
    }

    private void stop(Proc proc) {
        proc.stopped = true;
        if (proc.handover != null) {
            stopped |= !(proc.handover.phase() instanceof Handover.Phase.Draining
                    || proc.handover.phase() instanceof Handover.Phase.Over);
            handle(proc, new Handover.Event.StopAsked());
        } else {
            var parent = parentOf(proc);
            // Told by an incumbent that stops for good, or the only one left: this is a stop.
            stopped |= proc.parentEndTold || parent == null || !parent.alive;
            handle(proc, new Candidacy.Event.StopAsked());
        }
    }

    // ---- the shell of the conductor

    private void heard(Proc proc) {
        var successor = successorOf(proc);
        if (successor == null) {
            return;
        }
        var word = successor.up.getFirst();
        successor.up = rest(successor.up);
        switch (word) {
            case READY -> handle(proc, new Handover.Event.Ready());
            case SERVING -> handle(proc, new Handover.Event.Serving());
            case FAILED -> handle(proc, new Handover.Event.Failed("no database"));
            case SWITCH, COMMIT, COMMIT_PENDING, TAKE_BACK, DRAIN ->
                throw new IllegalStateException("no word for an incumbent");
        }
    }

    private void linkEndSeen(Proc proc) {
        proc.successorLinkEndSeen = true;
        var successor = successorOf(proc);
        if (successor != null) {
            successor.linkOpenThere = false;
        }
        if (proc.successorExitSeen) {
            successorEnded(proc, new Handover.Event.Exited("exited"));
        }
    }

    private void successorEnded(Proc proc, Handover.Event event) {
        // The end is told once, but an exit also after a lost link: see Successor.
        if (!(event instanceof Handover.Event.LinkLost && proc.successorEndTold)) {
            proc.successorEndTold = true;
            handle(proc, event);
        }
    }

    private void handle(Proc proc, Handover.Event event) {
        if (proc.handover == null) {
            return;
        }
        var before = proc.handover.phase();
        var step = proc.handover.step(event);
        proc.handover = step.next();
        perform(proc, step.effects());
        if (proc.commitUnheard) {
            proc.commitUnheard = false;
            handle(proc, new Handover.Event.CommitUnheard());
        }
        if (before instanceof Handover.Phase.Draining && step.next().phase() instanceof Handover.Phase.Over) {
            var successor = successorOf(proc);
            if (!stopped
                    && successor != null
                    && !successor.hasLied
                    && (!successor.alive || isGoing(successor))
                    && !endIsOnItsWay(proc, successor)) {
                broken.add("after the commitment a dead successor leads back: pid " + proc.pid + " leaves, though pid "
                        + successor.pid + " does not serve");
            }
        }
    }

    private static boolean isGoing(Proc proc) {
        return proc.candidacy != null
                && proc.handover == null
                && (proc.candidacy.phase() == Candidacy.Phase.LEAVING
                        || proc.candidacy.phase() == Candidacy.Phase.GONE);
    }

    /**
     * It ended, or was told to stop, while the commitment and the drain went past the news of it: as if that had come
     * after them. One that is stopped without a link has no way to say so.
     */
    private static boolean endIsOnItsWay(Proc proc, Proc successor) {
        return successor.up.contains(Word.FAILED)
                || (successor.stopped && !successor.linkOpenThere)
                || (!successor.alive && !(proc.successorExitSeen && proc.successorLinkEndSeen));
    }

    private void perform(Proc proc, List<Handover.Effect> effects) {
        for (var effect : effects) {
            var successor = successorOf(proc);
            switch (effect) {
                case Handover.Effect.Start() -> start(proc);
                case Handover.Effect.Pause() -> call(proc, Call.PAUSE);
                case Handover.Effect.Resume() -> {
                    proc.draining = false;
                    call(proc, Call.RESUME);
                }
                case Handover.Effect.Switch() -> tell(proc, Word.SWITCH);
                case Handover.Effect.Commit(boolean pending) -> {
                    if (!proc.entitled) {
                        broken.add("the baton passes once per handover: pid " + proc.pid + " passes it twice");
                    }
                    if (tell(proc, pending ? Word.COMMIT_PENDING : Word.COMMIT)) {
                        proc.entitled = false;
                    } else {
                        proc.commitUnheard = true;
                    }
                }
                case Handover.Effect.TakeBack() -> proc.entitled = true;
                case Handover.Effect.Drain() -> drain(proc);
                case Handover.Effect.Hurry() -> {}
                case Handover.Effect.End(String _, boolean forGood) -> {
                    proc.unwanted = true;
                    if (!tell(proc, forGood ? Word.DRAIN : Word.TAKE_BACK) && successor != null && successor.alive) {
                        successor.terminated = true;
                    }
                }
                case Handover.Effect.Kill() -> {
                    proc.unwanted = true;
                    if (successor != null && successor.alive) {
                        // It may have been committed to before its lie was heard, and asked; whoever did sees its end.
                        excuseAskersOf(successor);
                        end(successor);
                    }
                }
                case Handover.Effect.KillPredecessor() -> {
                    var parent = parentOf(proc);
                    if (parent != null && parent.alive) {
                        excuseAskersOf(parent);
                        end(parent);
                    }
                }
                case Handover.Effect.Arm(Handover.Limit limit) -> proc.armed.add(limit);
                case Handover.Effect.DisarmAll() -> proc.armed.clear();
                case Handover.Effect.Answer(List<Integer> askers, Outcome _) -> {
                    for (var asker : askers) {
                        if (asker != Handover.SIGNAL && ++answers[asker] > 1) {
                            broken.add("each asker gets one answer: asker " + asker + " got a second");
                        }
                    }
                }
                case Handover.Effect.Leave() -> proc.leaving = true;
            }
        }
    }

    private void start(Proc proc) {
        if (proc.handover != null && !proc.handover.waiting().isEmpty()) {
            broken.add("who waits is served by one handover together");
        }
        if (proc.handover != null && proc.handover.askers().contains(Handover.SIGNAL)) {
            proc.signalOwed = false;
        }
        if (--starts < 0) {
            // Beyond the budget: as if nothing could be started.
            starts = 0;
            proc.armed.clear();
            excuseAskersOf(proc);
            proc.handover = Handover.idle();
            return;
        }
        proc.successor = -1;
        proc.launching = true;
        proc.unwanted = false;
        proc.linked = false;
        proc.successorLinkEndSeen = false;
        proc.successorExitSeen = false;
        proc.successorEndTold = false;
        proc.pauseConfirmed = false;
    }

    private void call(Proc proc, Call call) {
        proc.calls = plus(proc.calls, call);
    }

    private void drain(Proc proc) {
        proc.calls = plus(proc.calls, Call.DRAIN);
        proc.draining = true;
    }

    private boolean tell(Proc proc, Word word) {
        var successor = successorOf(proc);
        if (successor == null || !proc.linked || !successor.linkOpenHere || !successor.linkOpenThere) {
            return false;
        }
        successor.down = plus(successor.down, word);
        return true;
    }

    private void excuseAskersOf(Proc proc) {
        if (proc.handover != null) {
            proc.handover.askers().forEach(asker -> excused[asker] = true);
            proc.handover.waiting().forEach(asker -> excused[asker] = true);
        }
    }

    // ---- the promises

    private void checkAlways() {
        if (procs.stream().filter(proc -> proc.alive).count() > 2) {
            broken.add("never more than two generations");
        }
        if (procs.stream().filter(proc -> proc.entitled).count() > 1) {
            broken.add("at most one generation is entitled to the baton");
        }
        if (procs.stream().filter(proc -> proc.holdsBaton).count() > 1) {
            broken.add("at most one generation holds the baton");
        }
    }

    /** {@return which promises are broken when nothing more will happen} */
    List<String> brokenAtRest() {
        var wrong = new ArrayList<String>();
        var living = procs.stream().filter(proc -> proc.alive).toList();
        var anySuspended = living.stream().anyMatch(proc -> proc.suspended);
        var anyServerFailed = living.stream().anyMatch(proc -> proc.serverFailed || proc.hangs);
        if (!stopped && !living.isEmpty() && !anySuspended && !anyServerFailed) {
            if (living.stream().filter(proc -> proc.accepting).count() != 1) {
                wrong.add("one generation accepts");
            }
            if (living.stream().filter(proc -> proc.holdsBaton).count() != 1) {
                wrong.add("one generation holds the baton");
            }
        }
        for (var asker = 1; asker <= asked; asker++) {
            if (answers[asker] == 0 && !excused[asker] && !anySuspendedIncumbent(living)) {
                wrong.add("each asker gets one answer: asker " + asker + " got none");
            }
        }
        for (var proc : living) {
            if (proc.handover != null && !(proc.handover.phase() instanceof Handover.Phase.Idle)) {
                wrong.add("no state waits for ever: pid " + proc.pid + " is " + proc.handover.phase());
            }
            if (proc.handover == null && !proc.suspended && !proc.hangs) {
                wrong.add("no state waits for ever: pid " + proc.pid + " is " + proc.candidacy);
            }
            if (proc.signalOwed && !stopped) {
                wrong.add("a restart asked for by a signal happens: pid " + proc.pid + " forgot it");
            }
        }
        return wrong;
    }

    private static boolean anySuspendedIncumbent(List<Proc> living) {
        return living.stream().anyMatch(proc -> proc.suspended && proc.handover != null);
    }
}

package dev.baton.handover;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The incumbent's side of a handover as a pure function: {@code (state, event) → (state, effects)}. It has no clock, no
 * thread and no I/O, so that a test can explore every interleaving of every failure.
 *
 * <pre>
 * phase      entered when                 waits for                  otherwise
 * ─────────  ───────────────────────────  ─────────────────────────  ──────────────────────────────────────────
 * Settling   it became the incumbent      its predecessor to leave   time is up → kill it; again → go on without
 * Idle       nothing is going on          a restart, a stop
 * Starting   the successor was started    hello                      exit, silence → CalledOff
 * Preparing  it said hello                ready                      exit, failed, link lost, silence → Undoing
 * Pausing    it said ready                own servers paused         all of these, time is up → Undoing
 * Switching  it was told to accept        serving                    the same
 * Watching   it serves                    the watch to pass          the same, bad sign → Undoing (rolled back)
 * Draining   committed                    own servers drained        exit, failed, unheard → Undoing
 * Undoing    something went wrong         resumed, successor gone    time is up → kill it; go on as if resumed
 * Stopping   SIGTERM                      drained, successor gone    time is up → cut, kill
 * Over       finished                     the process to exit
 * </pre>
 *
 * <p><b>The point of commitment</b> is the one step from Watching to Draining. Before it the incumbent owns the control
 * socket, the pid file and the baton, and all a failure costs is to undo a pause. With it all three pass on at once. Even
 * after it a successor's death is survived as long as the incumbent has not left: it resumes, and takes all three back
 * once the successor is gone.
 *
 * <p><b>Merging.</b> Whoever asks while a handover runs may have changed something the started successor has not seen, so
 * that one handover cannot serve them; they wait together for one that follows. When the running one commits, the next is
 * the successor's to conduct, and they are sent there. A signal cannot be sent anywhere: the commitment passes it on, and
 * it is kept until the incumbent leaves, so that a roll back does not forget it.
 *
 * @param phase where the handover stands
 * @param askers who is told how this handover ends
 * @param waiting who asked after it had begun; while draining, a signal at most
 */
public record Handover(Phase phase, List<Integer> askers, List<Integer> waiting) {
    /** The asker to whom nothing can be answered: a signal. It is remembered so that its restart happens. */
    public static final int SIGNAL = 0;

    /** Where the handover stands. */
    public sealed interface Phase {
        /** The predecessor still drains. */
        record Settling() implements Phase {}

        /** Nothing is going on. */
        record Idle() implements Phase {}

        /** A successor was started and has not been heard of. */
        record Starting() implements Phase {}

        /** The successor is linked and prepares. */
        record Preparing() implements Phase {}

        /** The own servers are asked to pause. */
        record Pausing() implements Phase {}

        /** The successor was told to accept. */
        record Switching() implements Phase {}

        /** The successor serves, on probation. */
        record Watching() implements Phase {}

        /**
         * The own servers drain. What the successor began can no longer be undone but by its death.
         */
        record Draining() implements Phase {}

        /**
         * Back to the incumbent.
         *
         * @param reason why
         * @param rolledBack whether the successor had begun to serve
         * @param resumed whether the own servers accept again
         * @param gone whether the successor's process has ended
         * @param killed whether it was sent SIGKILL
         */
        record Undoing(String reason, boolean rolledBack, boolean resumed, boolean gone, boolean killed)
                implements Phase {}

        /**
         * Stopping for good.
         *
         * @param drained whether the own servers have finished
         * @param gone whether the successor's process, if there was one, has ended
         */
        record Stopping(boolean drained, boolean gone) implements Phase {}

        /** Finished. */
        record Over() implements Phase {}
    }

    /** What happens to a handover. Those that do not fit the phase are late and change nothing. */
    public sealed interface Event {
        /**
         * Somebody asked for a restart.
         *
         * @param asker who, or {@link #SIGNAL}
         */
        record RestartAsked(int asker) implements Event {}

        /** SIGTERM, SIGINT or a drain request. */
        record StopAsked() implements Event {}

        /** The predecessor's process has ended. */
        record PredecessorGone() implements Event {}

        /**
         * The successor's process could not be started.
         *
         * @param reason what the system said
         */
        record StartFailed(String reason) implements Event {}

        /** The successor identified itself. */
        record Hello() implements Event {}

        /** The successor showed that it is alive and busy. */
        record Progress() implements Event {}

        /** The successor is ready to accept. */
        record Ready() implements Event {}

        /** The successor accepts. */
        record Serving() implements Event {}

        /**
         * The successor, or a probe of it, says that it is no good.
         *
         * @param reason its words
         */
        record Failed(String reason) implements Event {}

        /**
         * The successor's link ended or broke a rule while its process lives, as far as is known.
         *
         * @param reason what happened
         */
        record LinkLost(String reason) implements Event {}

        /**
         * The successor's process has ended.
         *
         * @param how its exit code or signal, in words
         */
        record Exited(String how) implements Event {}

        /** The commitment could not be sent: the successor's link had ended, unnoticed so far. */
        record CommitUnheard() implements Event {}

        /** The own servers accept nothing more. */
        record Paused() implements Event {}

        /**
         * The own servers could not be paused.
         *
         * @param reason what they said
         */
        record PauseFailed(String reason) implements Event {}

        /** The own servers accept again. */
        record Resumed() implements Event {}

        /** The own servers have finished. */
        record Drained() implements Event {}

        /**
         * A limit has passed.
         *
         * @param limit which
         */
        record TimeUp(Limit limit) implements Event {}
    }

    /** The limits of the waits; their lengths are the shell's. */
    public enum Limit {
        /** The successor gave no sign of life ({@code childTimeout}). */
        SILENCE,
        /** However much it says, it must be ready by then. */
        READINESS,
        /** Pausing, the successor's answer to the switch, and resuming. */
        SWITCH,
        /** How long the successor is watched. */
        WATCH,
        /** The drain, a little more than {@code shutdownTimeout}. */
        DRAIN,
        /** How long a successor that is to end may take, and a predecessor that was killed. */
        END,
        /** How long a draining predecessor may take. */
        SETTLE
    }

    /** What the shell is to do, in this order. None of them may block. */
    public sealed interface Effect {
        /** Start the successor. Answered by {@link Event.StartFailed}, {@link Event.Hello} or {@link Event.Exited}. */
        record Start() implements Effect {}

        /** Pause the own servers. */
        record Pause() implements Effect {}

        /** Let the own servers accept again, calling off a drain. */
        record Resume() implements Effect {}

        /** Tell the successor to accept. */
        record Switch() implements Effect {}

        /**
         * Pass on control socket, pid file and baton. Answered by {@link Event.CommitUnheard} if the successor cannot be
         * told.
         *
         * @param restartPending whether a restart nobody waits for must follow
         */
        record Commit(boolean restartPending) implements Effect {}

        /** Take control socket, pid file and baton back, as far as they were passed on. The successor is gone. */
        record TakeBack() implements Effect {}

        /** Drain the own servers. */
        record Drain() implements Effect {}

        /** Cut what the drain still waits for. */
        record Hurry() implements Effect {}

        /**
         * Ask the successor to drain and leave.
         *
         * @param reason why
         * @param forGood whether it must leave even if the incumbent ends before it does
         */
        record End(String reason, boolean forGood) implements Effect {}

        /** SIGKILL the successor. */
        record Kill() implements Effect {}

        /** SIGKILL the predecessor. */
        record KillPredecessor() implements Effect {}

        /**
         * Let a limit run from now.
         *
         * @param limit which
         */
        record Arm(Limit limit) implements Effect {}

        /** Stop all limits. */
        record DisarmAll() implements Effect {}

        /**
         * Tell the askers.
         *
         * @param askers whom, never empty
         * @param outcome what
         */
        record Answer(List<Integer> askers, Outcome outcome) implements Effect {}

        /** Let the process exit. */
        record Leave() implements Effect {}
    }

    /**
     * The result of one event.
     *
     * @param next the state after it
     * @param effects what to do, in order
     */
    public record Step(Handover next, List<Effect> effects) {}

    /** {@return the state of a first generation} */
    public static Handover idle() {
        return new Handover(new Phase.Idle(), List.of(), List.of());
    }

    /**
     * The state of a generation that has just become the incumbent.
     *
     * @param restartPending whether its predecessor passed on a restart that must follow
     * @return the state and what to do first
     */
    public static Step settling(boolean restartPending) {
        return new Step(
                new Handover(new Phase.Settling(), List.of(), restartPending ? List.of(SIGNAL) : List.of()),
                List.of(new Effect.Arm(Limit.SETTLE)));
    }

    /**
     * The transition function.
     *
     * @param event what happened
     * @return the next state and the effects
     */
    public Step step(Event event) {
        return switch (event) {
            case Event.RestartAsked(int asker) -> restartAsked(asker);
            case Event.StopAsked() -> stopAsked();
            default ->
                switch (phase) {
                    case Phase.Settling() -> settling(event);
                    case Phase.Starting() -> starting(event);
                    case Phase.Preparing() -> preparing(event);
                    case Phase.Pausing() -> pausing(event);
                    case Phase.Switching() -> switching(event);
                    case Phase.Watching() -> watching(event);
                    case Phase.Draining() -> draining(event);
                    case Phase.Undoing undoing -> undoing(undoing, event);
                    case Phase.Stopping stopping -> stopping(stopping, event);
                    case Phase.Idle(), Phase.Over() -> stay();
                };
        };
    }

    private Step restartAsked(int asker) {
        return switch (phase) {
            case Phase.Idle() -> start(List.of(asker));
            case Phase.Draining()
            when asker == SIGNAL -> new Step(new Handover(phase, askers, with(waiting, SIGNAL)), List.of());
            case Phase.Draining(), Phase.Over() -> stay(new Effect.Answer(List.of(asker), new Outcome.Moved()));
            case Phase.Stopping _ -> stay(new Effect.Answer(List.of(asker), new Outcome.Stopping()));
            default -> new Step(new Handover(phase, askers, with(waiting, asker)), List.of());
        };
    }

    private Step stopAsked() {
        return switch (phase) {
            case Phase.Draining() -> stay(new Effect.Hurry());
            case Phase.Stopping stopping ->
                stopping.gone() ? stay(new Effect.Hurry()) : stay(new Effect.Hurry(), new Effect.Kill());
            case Phase.Over() -> stay();
            default -> stop(!hasSuccessor());
        };
    }

    private Step settling(Event event) {
        return switch (event) {
            case Event.PredecessorGone() -> settled();
            case Event.TimeUp(Limit limit)
            when limit == Limit.SETTLE -> stay(new Effect.KillPredecessor(), new Effect.Arm(Limit.END));
            // Not even SIGKILL ends it (uninterruptible sleep). It serves nobody, and nobody shall wait for it.
            case Event.TimeUp(Limit limit) when limit == Limit.END -> settled();
            default -> stay();
        };
    }

    private Step settled() {
        return waiting.isEmpty() ? to(new Phase.Idle(), new Effect.DisarmAll()) : start(waiting);
    }

    private Step starting(Event event) {
        return switch (event) {
            case Event.StartFailed(String reason) -> calledOff(reason, false);
            case Event.Hello() -> to(new Phase.Preparing(), new Effect.Arm(Limit.SILENCE));
            case Event.Exited(String how) -> calledOff("it " + how + " before it asked for the listeners", false);
            case Event.TimeUp(Limit limit)
            when limit == Limit.SILENCE || limit == Limit.READINESS ->
                undo("it did not ask for the listeners in time", true, false);
            default -> stay();
        };
    }

    private Step preparing(Event event) {
        return switch (event) {
            case Event.Progress() -> stay(new Effect.Arm(Limit.SILENCE));
            case Event.Ready() ->
                to(new Phase.Pausing(), new Effect.DisarmAll(), new Effect.Pause(), new Effect.Arm(Limit.SWITCH));
            case Event.Exited(String how) -> calledOff("it " + how + " before it was ready", false);
            case Event.TimeUp(Limit limit)
            when limit == Limit.SILENCE -> undo("it was silent for too long before it was ready", true, false);
            case Event.TimeUp(Limit limit)
            when limit == Limit.READINESS ->
                undo("it was not ready in time, however much progress it told", true, false);
            default -> ended(event, "", true);
        };
    }

    private Step pausing(Event event) {
        return switch (event) {
            case Event.Paused() -> to(new Phase.Switching(), new Effect.Switch(), new Effect.Arm(Limit.SWITCH));
            case Event.PauseFailed(String reason) ->
                undo("the incumbent could not stop accepting: " + reason, false, false);
            case Event.TimeUp(Limit limit)
            when limit == Limit.SWITCH -> undo("the incumbent did not stop accepting in time", false, false);
            default -> ended(event, " before the switch", false);
        };
    }

    private Step switching(Event event) {
        return switch (event) {
            case Event.Serving() -> to(new Phase.Watching(), new Effect.DisarmAll(), new Effect.Arm(Limit.WATCH));
            case Event.TimeUp(Limit limit)
            when limit == Limit.SWITCH -> undo("it did not begin to accept in time", false, false);
            default -> ended(event, " during the switch", false);
        };
    }

    private Step watching(Event event) {
        return switch (event) {
            case Event.TimeUp(Limit limit) when limit == Limit.WATCH -> commit();
            default -> ended(event, " while it was watched", false);
        };
    }

    /** The three ways in which a linked successor comes to its end before the commitment. */
    private Step ended(Event event, String when, boolean resumed) {
        return switch (event) {
            case Event.Failed(String reason) -> undo("it failed" + when + ": " + reason, resumed, false);
            case Event.Exited(String how) -> undo("it " + how + when, resumed, true);
            // Its link is lost but it lives: it may take itself for the incumbent's heir. It must not live on.
            case Event.LinkLost(String reason) -> {
                var undo = undo("its link was lost" + when + ": " + reason, resumed, false);
                yield new Step(undo.next(), append(undo.effects(), new Effect.Kill()));
            }
            default -> stay();
        };
    }

    private Step draining(Event event) {
        return switch (event) {
            case Event.Drained() -> over(new Outcome.Completed());
            case Event.TimeUp(Limit limit) when limit == Limit.DRAIN -> over(new Outcome.Completed());
            case Event.Exited(String how) -> {
                var undo = undo("it " + how + " after it had taken over", false, true);
                yield new Step(undo.next(), append(undo.effects(), new Effect.TakeBack()));
            }
            case Event.CommitUnheard() -> {
                var undo = undo("its link had ended when it was to take over", false, false);
                yield new Step(undo.next(), append(undo.effects(), new Effect.Kill()));
            }
            // It was told to stop and said so before it heard of the commitment.
            case Event.Failed(String reason) -> undo("it failed after it had taken over: " + reason, false, false);
            default -> stay();
        };
    }

    private Step undoing(Phase.Undoing now, Event event) {
        return switch (event) {
            case Event.Resumed() -> undone(now, now.reason(), true, now.gone());
            case Event.TimeUp(Limit limit)
            when limit == Limit.SWITCH && !now.resumed() ->
                undone(now, now.reason() + "; the incumbent did not begin to accept again in time", true, now.gone());
            case Event.Exited _, Event.StartFailed _ -> undone(now, now.reason(), now.resumed(), true);
            case Event.TimeUp(Limit limit)
            when limit == Limit.END && now.killed() ->
                // Not even SIGKILL ends it (uninterruptible sleep); what it holds dies with it one day.
                undone(now, now.reason() + "; it survived SIGKILL", now.resumed(), true);
            case Event.TimeUp(Limit limit)
            when limit == Limit.END && !now.gone() ->
                to(
                        new Phase.Undoing(now.reason(), now.rolledBack(), now.resumed(), false, true),
                        new Effect.Kill(),
                        new Effect.Arm(Limit.END));
            default -> stay();
        };
    }

    private Step undone(Phase.Undoing before, String reason, boolean resumed, boolean gone) {
        var step = resumed && gone
                ? calledOff(reason, before.rolledBack())
                : to(new Phase.Undoing(reason, before.rolledBack(), resumed, gone, before.killed()));
        return gone && !before.gone() && before.rolledBack()
                ? new Step(step.next(), prepend(new Effect.TakeBack(), step.effects()))
                : step;
    }

    private Step stopping(Phase.Stopping now, Event event) {
        var next = switch (event) {
            case Event.Drained() -> new Phase.Stopping(true, now.gone());
            case Event.TimeUp(Limit limit) when limit == Limit.DRAIN -> new Phase.Stopping(true, now.gone());
            case Event.Exited _ -> new Phase.Stopping(now.drained(), true);
            case Event.StartFailed _ -> new Phase.Stopping(now.drained(), true);
            case Event.TimeUp(Limit limit) when limit == Limit.END -> new Phase.Stopping(now.drained(), true);
            default -> now;
        };
        var effects = new ArrayList<Effect>();
        if (next.gone() && !now.gone() && event instanceof Event.TimeUp) {
            effects.add(new Effect.Kill());
        }
        if (next.drained() && next.gone()) {
            effects.add(new Effect.DisarmAll());
            effects.add(new Effect.Leave());
            return new Step(new Handover(new Phase.Over(), List.of(), List.of()), List.copyOf(effects));
        }
        return new Step(new Handover(next, List.of(), List.of()), List.copyOf(effects));
    }

    private Step start(List<Integer> forWhom) {
        return new Step(
                new Handover(new Phase.Starting(), forWhom, List.of()),
                List.of(
                        new Effect.DisarmAll(),
                        new Effect.Start(),
                        new Effect.Arm(Limit.SILENCE),
                        new Effect.Arm(Limit.READINESS)));
    }

    private Step commit() {
        var effects = new ArrayList<Effect>();
        effects.add(new Effect.DisarmAll());
        effects.add(new Effect.Commit(waiting.contains(SIGNAL)));
        if (!waiting.isEmpty()) {
            effects.add(new Effect.Answer(waiting, new Outcome.Moved()));
        }
        effects.add(new Effect.Drain());
        effects.add(new Effect.Arm(Limit.DRAIN));
        var kept = waiting.contains(SIGNAL) ? List.of(SIGNAL) : List.<Integer>of();
        return new Step(new Handover(new Phase.Draining(), askers, kept), List.copyOf(effects));
    }

    private Step undo(String reason, boolean resumed, boolean gone) {
        var rolledBack = phase instanceof Phase.Watching || phase instanceof Phase.Draining;
        var effects = new ArrayList<Effect>();
        effects.add(new Effect.DisarmAll());
        if (!resumed) {
            effects.add(new Effect.Resume());
            effects.add(new Effect.Arm(Limit.SWITCH));
        }
        if (!gone) {
            effects.add(new Effect.End(reason, false));
            effects.add(new Effect.Arm(Limit.END));
        }
        return new Step(
                new Handover(new Phase.Undoing(reason, rolledBack, resumed, gone, false), askers, waiting),
                List.copyOf(effects));
    }

    private Step calledOff(String reason, boolean rolledBack) {
        var answer = new Effect.Answer(askers, new Outcome.CalledOff(reason, rolledBack));
        if (waiting.isEmpty()) {
            return new Step(idle(), List.of(new Effect.DisarmAll(), answer));
        }
        var again = start(waiting);
        return new Step(again.next(), prepend(answer, again.effects()));
    }

    private Step stop(boolean gone) {
        var effects = new ArrayList<Effect>();
        effects.add(new Effect.DisarmAll());
        var everybody = new ArrayList<>(askers);
        everybody.addAll(waiting);
        if (!everybody.isEmpty()) {
            effects.add(new Effect.Answer(List.copyOf(everybody), new Outcome.Stopping()));
        }
        if (!gone) {
            effects.add(new Effect.End("the incumbent is stopping", true));
            effects.add(new Effect.Arm(Limit.END));
        }
        effects.add(new Effect.Drain());
        effects.add(new Effect.Arm(Limit.DRAIN));
        return new Step(new Handover(new Phase.Stopping(false, gone), List.of(), List.of()), List.copyOf(effects));
    }

    private Step over(Outcome outcome) {
        return new Step(
                new Handover(new Phase.Over(), List.of(), List.of()),
                List.of(new Effect.DisarmAll(), new Effect.Answer(askers, outcome), new Effect.Leave()));
    }

    private boolean hasSuccessor() {
        return switch (phase) {
            case Phase.Starting(), Phase.Preparing(), Phase.Pausing(), Phase.Switching(), Phase.Watching() -> true;
            case Phase.Undoing undoing -> !undoing.gone();
            default -> false;
        };
    }

    private Step stay(Effect... effects) {
        return new Step(this, List.of(effects));
    }

    private Step to(Phase next, Effect... effects) {
        return new Step(new Handover(next, askers, waiting), List.copyOf(Arrays.asList(effects)));
    }

    private static List<Integer> with(List<Integer> some, int one) {
        if (some.contains(one)) {
            return some;
        }
        var more = new ArrayList<>(some);
        more.add(one);
        return List.copyOf(more);
    }

    private static List<Effect> append(List<Effect> effects, Effect last) {
        var more = new ArrayList<>(effects);
        more.add(last);
        return List.copyOf(more);
    }

    private static List<Effect> prepend(Effect first, List<Effect> effects) {
        var more = new ArrayList<Effect>();
        more.add(first);
        more.addAll(effects);
        return List.copyOf(more);
    }
}

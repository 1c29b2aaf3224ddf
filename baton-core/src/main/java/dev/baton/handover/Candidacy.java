package dev.baton.handover;

import java.util.List;

/**
 * The successor's side of a handover, from its start to the moment it is the incumbent, as a pure function like
 * {@link Handover}.
 *
 * <pre>
 * phase      entered when             leaves it when
 * ─────────  ───────────────────────  ──────────────────────────────────────────────────────────────────
 * Preparing  it joined                the application says ready
 * Ready      it told so               switch → Accepting
 * Accepting  its servers are started  they accept → Serving, or Incumbent when it is an orphan
 * Serving    it told so               commit → Incumbent
 * Yielding   the incumbent took back  its servers drained → Gone; the incumbent ends → Accepting
 * Leaving    it was told to stop      its servers drained → Gone
 * </pre>
 *
 * <p><b>Orphans.</b> When the incumbent's process has ended, whatever the reason, nobody else serves, and the successor
 * goes on by itself as soon as it is ready. Only the end of the process counts. A link that is lost while the incumbent
 * lives means that the incumbent gave this successor up; it leaves, and never serves beside an incumbent on its own word.
 * Should the incumbent end before such a successor has left, it is the last one that can serve, and comes back. One that
 * was told to stop does not; it says so, lest the incumbent commit to it.
 *
 * @param phase where the candidacy stands
 * @param orphan whether the incumbent's process has ended
 */
public record Candidacy(Phase phase, boolean orphan) {
    /** Where the candidacy stands. */
    public enum Phase {
        /** Takes listeners, reads state, warms up. */
        PREPARING,
        /** Said ready; the incumbent has the word. */
        READY,
        /** Its servers begin to accept. */
        ACCEPTING,
        /** Accepts, on probation. */
        SERVING,
        /** The incumbent now: {@link Handover} goes on from here. */
        INCUMBENT,
        /** Its servers drain, then it exits, unless the incumbent ends first. */
        YIELDING,
        /** Its servers drain, then it exits, come what may. */
        LEAVING,
        /** Finished. */
        GONE
    }

    /** What happens to a candidate. Those that do not fit the phase are late and change nothing. */
    public sealed interface Event {
        /** The application is ready. */
        record AppReady() implements Event {}

        /**
         * The application cannot start.
         *
         * @param reason why
         */
        record AppFailed(String reason) implements Event {}

        /** The incumbent has paused: begin to accept. */
        record SwitchTold() implements Event {}

        /** The own servers accept. */
        record Accepting() implements Event {}

        /**
         * The own servers could not begin to accept.
         *
         * @param reason what they said
         */
        record AcceptFailed(String reason) implements Event {}

        /** The incumbent has passed everything on. */
        record CommitTold() implements Event {}

        /** The incumbent takes it back and serves itself. */
        record EndTold() implements Event {}

        /** SIGTERM, SIGINT or a drain request, also by an incumbent that stops. */
        record StopAsked() implements Event {}

        /** The link to the incumbent ended. */
        record LinkLost() implements Event {}

        /** The incumbent's process has ended. */
        record IncumbentGone() implements Event {}

        /** The link was lost long ago and the incumbent still lives. */
        record GivenUp() implements Event {}

        /** The own servers have finished. */
        record Drained() implements Event {}
    }

    /** What the shell is to do, in this order. */
    public enum Effect {
        /** Tell the incumbent: ready. */
        TELL_READY,
        /** Tell the incumbent: serving. */
        TELL_SERVING,
        /** Tell the incumbent: failed. */
        TELL_FAILED,
        /** Let the own servers accept. */
        ACCEPT,
        /** Become the incumbent: take control socket, pid file and baton. */
        BECOME_INCUMBENT,
        /** Let a limit run, after which {@link Event.GivenUp}. */
        ARM_GIVEN_UP,
        /** Pause and drain the own servers. */
        DRAIN,
        /** Cut what the drain still waits for. */
        HURRY,
        /** Let the process exit. */
        LEAVE
    }

    /**
     * The result of one event.
     *
     * @param next the state after it
     * @param effects what to do, in order
     */
    public record Step(Candidacy next, List<Effect> effects) {}

    /** {@return the state of a successor that has just joined} */
    public static Candidacy joined() {
        return new Candidacy(Phase.PREPARING, false);
    }

    /**
     * The transition function.
     *
     * @param event what happened
     * @return the next state and the effects
     */
    public Step step(Event event) {
        return switch (event) {
            case Event.IncumbentGone() -> incumbentGone();
            case Event.LinkLost() -> settled() || orphan ? stay() : stay(Effect.ARM_GIVEN_UP);
            case Event.StopAsked() -> leave();
            case Event.EndTold(), Event.GivenUp() -> settled() || orphan ? stay() : giveWay();
            case Event.AppFailed _ ->
                phase == Phase.PREPARING ? to(Phase.GONE, Effect.TELL_FAILED, Effect.LEAVE) : stay();
            case Event.AcceptFailed _ ->
                phase == Phase.ACCEPTING ? to(Phase.LEAVING, Effect.TELL_FAILED, Effect.DRAIN) : stay();
            case Event.AppReady()
            when phase == Phase.PREPARING ->
                orphan ? to(Phase.ACCEPTING, Effect.ACCEPT) : to(Phase.READY, Effect.TELL_READY);
            case Event.SwitchTold() when phase == Phase.READY -> to(Phase.ACCEPTING, Effect.ACCEPT);
            case Event.Accepting()
            when phase == Phase.ACCEPTING ->
                orphan ? to(Phase.INCUMBENT, Effect.BECOME_INCUMBENT) : to(Phase.SERVING, Effect.TELL_SERVING);
            case Event.CommitTold() when phase == Phase.SERVING -> to(Phase.INCUMBENT, Effect.BECOME_INCUMBENT);
            case Event.Drained() when phase == Phase.LEAVING || phase == Phase.YIELDING -> to(Phase.GONE, Effect.LEAVE);
            default -> stay();
        };
    }

    private Step incumbentGone() {
        var next = new Candidacy(phase, true);
        return switch (phase) {
            case READY, YIELDING -> new Step(new Candidacy(Phase.ACCEPTING, true), List.of(Effect.ACCEPT));
            case SERVING -> new Step(new Candidacy(Phase.INCUMBENT, true), List.of(Effect.BECOME_INCUMBENT));
            case PREPARING, ACCEPTING, INCUMBENT, LEAVING, GONE -> new Step(next, List.of());
        };
    }

    private Step leave() {
        return switch (phase) {
            case PREPARING, READY, ACCEPTING, SERVING -> to(Phase.LEAVING, Effect.TELL_FAILED, Effect.DRAIN);
            case YIELDING -> to(Phase.LEAVING, Effect.HURRY);
            case LEAVING -> stay(Effect.HURRY);
            case INCUMBENT, GONE -> stay();
        };
    }

    private Step giveWay() {
        return switch (phase) {
            // It never was ready: there is nothing to come back to.
            case PREPARING -> to(Phase.LEAVING, Effect.DRAIN);
            case READY, ACCEPTING, SERVING -> to(Phase.YIELDING, Effect.DRAIN);
            case YIELDING, LEAVING -> stay(Effect.HURRY);
            case INCUMBENT, GONE -> stay();
        };
    }

    private boolean settled() {
        return phase == Phase.INCUMBENT || phase == Phase.GONE;
    }

    private Step stay(Effect... effects) {
        return new Step(this, List.of(effects));
    }

    private Step to(Phase next, Effect... effects) {
        return new Step(new Candidacy(next, orphan), List.of(effects));
    }
}

package dev.baton.handover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.handover.Handover.Effect;
import dev.baton.handover.Handover.Event;
import dev.baton.handover.Handover.Limit;
import dev.baton.handover.Handover.Phase;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HandoverTest {
    private static final Event[] UNTIL_WATCHED = {
        new Event.RestartAsked(1), new Event.Hello(), new Event.Ready(), new Event.Paused(), new Event.Serving()
    };

    private Handover handover = Handover.idle();
    private final List<Effect> effects = new ArrayList<>();

    private void happens(Event... events) {
        effects.clear();
        for (var event : events) {
            var step = handover.step(event);
            handover = step.next();
            effects.addAll(step.effects());
        }
    }

    @Test
    void shouldPauseBeforeTheSwitchAndCommitOnlyAfterTheWatch() {
        happens(UNTIL_WATCHED);
        happens(new Event.TimeUp(Limit.WATCH), new Event.Drained());
        assertThat(effects)
                .containsExactly(
                        new Effect.DisarmAll(),
                        new Effect.Commit(false),
                        new Effect.Drain(),
                        new Effect.Arm(Limit.DRAIN),
                        new Effect.DisarmAll(),
                        new Effect.Answer(List.of(1), new Outcome.Completed()),
                        new Effect.Leave());
        assertThat(handover.phase()).isEqualTo(new Phase.Over());
    }

    @Test
    void shouldMergeThoseWhoAskMeanwhileIntoOneThatFollows() {
        happens(new Event.RestartAsked(1), new Event.RestartAsked(2), new Event.RestartAsked(3));
        happens(new Event.Exited("exited with code 1"));
        assertThat(effects).filteredOn(new Effect.Start()::equals).hasSize(1);
        assertThat(handover).isEqualTo(new Handover(new Phase.Starting(), List.of(2, 3), List.of()));
    }

    @Test
    void shouldSendThoseWhoAskedMeanwhileToTheSuccessor() {
        happens(UNTIL_WATCHED);
        happens(new Event.RestartAsked(2), new Event.TimeUp(Limit.WATCH));
        assertThat(effects).contains(new Effect.Answer(List.of(2), new Outcome.Moved()));
    }

    @Test
    void shouldPassOnASignalAndRememberItUntilItLeaves() {
        happens(UNTIL_WATCHED);
        happens(new Event.RestartAsked(Handover.SIGNAL), new Event.TimeUp(Limit.WATCH));
        assertThat(effects).contains(new Effect.Commit(true));
        happens(new Event.Exited("was killed (SIGKILL)"), new Event.Resumed());
        assertThat(handover.phase()).isEqualTo(new Phase.Starting());
        assertThat(handover.askers()).containsExactly(Handover.SIGNAL);
    }

    @Test
    void shouldTakeEverythingBackFromASuccessorThatDiesAfterTheCommitment() {
        happens(UNTIL_WATCHED);
        happens(new Event.TimeUp(Limit.WATCH));
        happens(new Event.Exited("crashed (SIGSEGV)"));
        assertThat(effects)
                .containsExactly(
                        new Effect.DisarmAll(),
                        new Effect.Resume(),
                        new Effect.Arm(Limit.SWITCH),
                        new Effect.TakeBack());
        happens(new Event.Resumed());
        assertThat(handover).isEqualTo(Handover.idle());
    }

    @Test
    void shouldNotLeaveForASuccessorThatCouldNotBeToldOfTheCommitment() {
        happens(UNTIL_WATCHED);
        happens(new Event.TimeUp(Limit.WATCH), new Event.CommitUnheard());
        assertThat(effects).contains(new Effect.Resume(), new Effect.Kill());
        happens(new Event.Resumed(), new Event.Exited("was killed (SIGKILL)"));
        assertThat(effects).contains(new Effect.TakeBack());
        assertThat(handover).isEqualTo(Handover.idle());
    }

    @Test
    void shouldNotWaitForEverForServersThatDoNotResume() {
        happens(new Event.RestartAsked(1), new Event.Hello(), new Event.Ready());
        happens(new Event.Exited("exited with code 1"), new Event.TimeUp(Limit.SWITCH));
        assertThat(handover).isEqualTo(Handover.idle());
        assertThat(effects).anySatisfy(effect -> assertThat(effect).isInstanceOf(Effect.Answer.class));
    }

    @Test
    void shouldNotWaitForEverForAPredecessorThatSurvivesSigkill() {
        handover = Handover.settling(true).next();
        happens(new Event.TimeUp(Limit.SETTLE));
        assertThat(effects).containsExactly(new Effect.KillPredecessor(), new Effect.Arm(Limit.END));
        happens(new Event.TimeUp(Limit.END));
        assertThat(handover.phase()).isEqualTo(new Phase.Starting());
    }

    @Test
    void shouldEndTheSuccessorForGoodWhenItIsStopped() {
        happens(UNTIL_WATCHED);
        happens(new Event.StopAsked());
        assertThat(effects)
                .containsExactly(
                        new Effect.DisarmAll(),
                        new Effect.Answer(List.of(1), new Outcome.Stopping()),
                        new Effect.End("the incumbent is stopping", true),
                        new Effect.Arm(Limit.END),
                        new Effect.Drain(),
                        new Effect.Arm(Limit.DRAIN));
        happens(new Event.StopAsked());
        assertThat(effects).containsExactly(new Effect.Hurry(), new Effect.Kill());
    }

    @Test
    void shouldChangeNothingOnLateEvents() {
        happens(
                new Event.Hello(),
                new Event.Ready(),
                new Event.Serving(),
                new Event.Failed("late"),
                new Event.LinkLost("late"),
                new Event.Exited("late"),
                new Event.Paused(),
                new Event.Resumed(),
                new Event.Drained(),
                new Event.TimeUp(Limit.WATCH));
        assertThat(handover).isEqualTo(Handover.idle());
        assertThat(effects).isEmpty();
    }
}

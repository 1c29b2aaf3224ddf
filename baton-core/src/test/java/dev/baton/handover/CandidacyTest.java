package dev.baton.handover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.handover.Candidacy.Effect;
import dev.baton.handover.Candidacy.Event;
import dev.baton.handover.Candidacy.Phase;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CandidacyTest {
    private Candidacy candidacy = Candidacy.joined();

    private List<Effect> effectsOf(Event... events) {
        var effects = new ArrayList<Effect>();
        for (var event : events) {
            var step = candidacy.step(event);
            candidacy = step.next();
            effects.addAll(step.effects());
        }
        return effects;
    }

    @Test
    void shouldAcceptOnlyWhenToldAndBecomeTheIncumbentOnlyByTheCommitment() {
        assertThat(effectsOf(new Event.CommitTold(), new Event.SwitchTold())).isEmpty();
        assertThat(effectsOf(
                        new Event.AppReady(), new Event.SwitchTold(), new Event.Accepting(), new Event.CommitTold()))
                .containsExactly(Effect.TELL_READY, Effect.ACCEPT, Effect.TELL_SERVING, Effect.BECOME_INCUMBENT);
    }

    @Test
    void shouldServeOnItsOwnWhenTheIncumbentHasEnded() {
        assertThat(effectsOf(new Event.IncumbentGone(), new Event.AppReady(), new Event.Accepting()))
                .containsExactly(Effect.ACCEPT, Effect.BECOME_INCUMBENT);
    }

    @Test
    void shouldComeBackWhenTheIncumbentEndsBeforeItHasLeft() {
        assertThat(effectsOf(new Event.AppReady(), new Event.EndTold(), new Event.IncumbentGone()))
                .containsExactly(Effect.TELL_READY, Effect.DRAIN, Effect.ACCEPT);
    }

    @Test
    void shouldSayThatItWasStoppedAndNotComeBack() {
        assertThat(effectsOf(new Event.AppReady(), new Event.StopAsked(), new Event.IncumbentGone()))
                .containsExactly(Effect.TELL_READY, Effect.TELL_FAILED, Effect.DRAIN);
        assertThat(effectsOf(new Event.Drained())).containsExactly(Effect.LEAVE);
    }

    @Test
    void shouldGiveWayAfterItsLinkWasLost() {
        assertThat(effectsOf(new Event.AppReady(), new Event.LinkLost(), new Event.GivenUp(), new Event.Drained()))
                .containsExactly(Effect.TELL_READY, Effect.ARM_GIVEN_UP, Effect.DRAIN, Effect.LEAVE);
    }

    @Test
    void shouldSayWhyItCannotServe() {
        assertThat(effectsOf(new Event.AppFailed("no database"))).containsExactly(Effect.TELL_FAILED, Effect.LEAVE);
        assertThat(candidacy.phase()).isEqualTo(Phase.GONE);
    }

    @Test
    void shouldNotBeMovedByLateWordsOnceItIsTheIncumbent() {
        effectsOf(new Event.AppReady(), new Event.SwitchTold(), new Event.Accepting(), new Event.CommitTold());
        assertThat(effectsOf(
                        new Event.EndTold(),
                        new Event.GivenUp(),
                        new Event.LinkLost(),
                        new Event.StopAsked(),
                        new Event.AcceptFailed("late"),
                        new Event.Drained()))
                .isEmpty();
        assertThat(candidacy.phase()).isEqualTo(Phase.INCUMBENT);
    }
}

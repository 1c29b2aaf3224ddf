package dev.baton.it;

import static dev.baton.it.Deployment.assertNothingLost;
import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Promise 5: every wait ends. */
@Timeout(120)
class EveryWaitEndsIT {
    private static final Duration CHILD_TIMEOUT = Duration.ofSeconds(5);

    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    @ParameterizedTest(name = "once {0}: {1}")
    @CsvSource({
        "STARTED,   did not ask for the listeners in time",
        "LISTENING, silent for too long",
        "SWITCHING, did not begin to accept in time"
    })
    void shouldGiveUpASuccessorThatHangs(Step step, String reason) throws Exception {
        try (var app = Deployment.in(directory)
                        .set("childTimeout", CHILD_TIMEOUT)
                        .set("shutdownTimeout", Duration.ofSeconds(1))
                        .start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            app.next(Deed.HANG, step);

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).contains(reason);
            awaitAnswers(load, 50);
            assertNothingLost(load);
            app.assertServedBy(incumbent);
        }
    }

    @Test
    void shouldWaitForASuccessorThatTellsProgress() throws Exception {
        try (var app =
                Deployment.in(directory).set("childTimeout", CHILD_TIMEOUT).start()) {
            app.next(Deed.DAWDLE, Step.PREPARED);

            var outcome = app.restart();

            assertThat(outcome.ok()).as("%s", outcome).isTrue();
            assertThat(outcome.readyMs())
                    .isGreaterThan(CHILD_TIMEOUT.multipliedBy(App.DAWDLING).toMillis());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldNotWaitForeverForASuccessorThatTellsProgress(boolean isSupervised) throws Exception {
        var deployment = Deployment.in(directory)
                .set("childTimeout", CHILD_TIMEOUT)
                .set("readyTimeout", CHILD_TIMEOUT.plusSeconds(1));
        try (var app = (isSupervised ? deployment.supervised() : deployment).start()) {
            app.next(Deed.DAWDLE, Step.PREPARED);

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).contains("not ready in time");
        }
    }
}

package dev.baton.it;

import static dev.baton.it.Deployment.assertNothingLost;
import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.Message;
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Promise 2: a successor that fails changes nothing. One incumbent survives every failure of this class. */
@Timeout(120)
class FailedSuccessorChangesNothingIT {
    private static final Duration SETTLED = Duration.ofSeconds(1);
    private static final String LINK_ENDED = "its link had ended when it was to take over";

    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    static Path directory;

    private static Deployment app;
    private static long incumbent;
    private static Map<String, Integer> descriptors = Map.of();

    @BeforeAll
    static void start() throws Exception {
        app = Deployment.in(directory).start();
        incumbent = app.pid();
        // The first child of a JVM costs it descriptors that it keeps.
        app.next(Deed.EXIT, Step.STARTED);
        var _ = app.restart();
        // What the handover and whoever asked for it had open is closed after the outcome is told.
        await().during(SETTLED).until(() -> {
            var before = descriptors;
            descriptors = Deployment.descriptors(incumbent);
            return descriptors.equals(before);
        });
    }

    @AfterAll
    static void end() throws Exception {
        app.close();
    }

    /** After each: the same process serves alone, and has no more descriptors open than before. */
    @AfterEach
    void shouldBeAsBefore() throws Exception {
        app.assertServedBy(incumbent);
        assertThat(app.status().generation()).isEqualTo(1);
        assertThat(app.status().holdsBaton()).isTrue();
        await().untilAsserted(() -> assertThat(Deployment.descriptors(incumbent))
                .allSatisfy((kind, count) -> assertThat(count)
                        .as("%s, of %s before", kind, descriptors)
                        .isLessThanOrEqualTo(descriptors.getOrDefault(kind, 0))));
    }

    @ParameterizedTest(name = "when it does {0} once {1}, whoever asked is told: {2}")
    @CsvSource({
        "EXIT,        STARTED,   exited with code 3",
        "EXIT,        LISTENING, exited with code 3",
        "CRASH,       LISTENING, exited with code 42",
        "FAIL,        PREPARED,  the database is gone",
        "THROW,       PREPARED,  the database is gone",
        "THROW,       SWITCHING, the database is gone",
        "KILL_ITSELF, STARTED,   SIGKILL",
        "KILL_ITSELF, JOINED,    SIGKILL",
        "KILL_ITSELF, LISTENING, SIGKILL",
        "KILL_ITSELF, PREPARED,  SIGKILL",
        "KILL_ITSELF, SWITCHING, SIGKILL",
        "LIE,         STARTED,   exited with code 3"
    })
    void shouldLoseNothingWhenTheSuccessorEndsBeforeItAccepts(Deed deed, Step step, String reason) throws Exception {
        try (var load = app.load().start()) {
            awaitAnswers(load, 50);
            app.next(deed, step);

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            // A liar may be gone when it is to take over, and its exit not be known yet.
            assertThat(outcome.reason()).containsAnyOf(reason, deed == Deed.LIE ? LINK_ENDED : reason);
            awaitAnswers(load, 50);
            assertNothingLost(load);
        }
    }

    /** What the killed process had accepted dies with it; nothing of the incumbent's and nothing in the backlog does. */
    @ParameterizedTest(name = "when it is killed once {0}")
    @EnumSource(names = {"READY", "ACCEPTING", "ANSWERING", "COMMITTED"})
    void shouldLoseOnlyWhatTheSuccessorHadAcceptedWhenItIsKilled(Step step) throws Exception {
        try (var load =
                app.load().slow(2, Duration.ofMillis(50), Duration.ofSeconds(3)).start()) {
            awaitAnswers(load, 50);
            app.next(Deed.KILL_ITSELF, step);

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).contains("SIGKILL");
            awaitAnswers(load, 50);
            var report = app.assertLostOnlyByTheKill(
                    load, app.history("fault KILL_ITSELF " + step).getLast().nanos());
            assertThat(report.generations().getLast().number()).isLessThanOrEqualTo(2);
        }
    }

    @Test
    void shouldServeOnWhenTheEnvironmentFileOfTheSuccessorCannotBeRead() throws Exception {
        try (var load = app.load().start()) {
            app.next(Map.of("BROKEN LINE", "no name"));

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason())
                    .contains(directory.resolve("environment").toString());
            assertNothingLost(load);
        }
    }

    @Test
    void shouldTellWhoComesLaterOfTheLastFailure() throws Exception {
        app.next(Deed.FAIL, Step.PREPARED);

        var outcome = app.restart();

        assertThat(app.status()).extracting(Message.StatusReply::lastHandover).isEqualTo(outcome);
        assertThat(app.log()).contains(Misdeed.REASON);
    }
}

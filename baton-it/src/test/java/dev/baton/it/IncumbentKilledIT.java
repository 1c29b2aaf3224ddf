package dev.baton.it;

import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Promise 1 where it is hardest: the incumbent is killed in the middle of a handover, and nobody is refused. */
@Timeout(120)
class IncumbentKilledIT {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    static Path directory;

    private static Deployment app;

    @BeforeAll
    static void start() throws Exception {
        app = Deployment.in(directory).start();
    }

    @AfterAll
    static void end() throws Exception {
        app.close();
    }

    @ParameterizedTest(name = "when the incumbent is killed once its successor is {0}")
    @EnumSource(names = {"LISTENING", "PREPARED", "READY", "SWITCHING", "ACCEPTING", "ANSWERING", "COMMITTED"})
    void shouldBeSucceededWithoutARefusal(Step step) throws Exception {
        var incumbent = app.pid();
        try (var load =
                app.load().slow(2, Duration.ofMillis(50), Duration.ofSeconds(3)).start()) {
            awaitAnswers(load, 50);
            var ready = app.history("ready").size();
            app.next(Deed.KILL_INCUMBENT, step);

            app.signal("HUP");

            await().until(() -> app.history("ready").size() > ready && app.pid() != incumbent);
            var heir = app.history("ready").getLast().pid();
            awaitAnswers(load, 100);
            app.assertServedBy(heir);
            app.assertLostOnlyByTheKill(
                    load, app.history("fault KILL_INCUMBENT " + step).getLast().nanos());
            assertThat(app.history("baton start").getLast().pid()).isEqualTo(heir);
        }

        app.nextBehaves();
        assertThat(app.restart().ok()).as("the next restart").isTrue();
    }
}

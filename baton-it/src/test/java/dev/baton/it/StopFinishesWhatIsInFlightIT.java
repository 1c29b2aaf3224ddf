package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SIGTERM and SIGINT finish what is in flight and exit with code 0, also in the middle of a handover. */
@Timeout(120)
class StopFinishesWhatIsInFlightIT {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    private Deployment app;

    @BeforeEach
    void start() throws Exception {
        app = Deployment.in(directory).start();
    }

    @AfterEach
    void end() throws Exception {
        app.close();
    }

    /** A client whose answer crosses the beginning of the drain is not told to go, and may keep the process to its deadline. */
    private void assertExitsInOrder() throws Exception {
        assertThat(app.first().waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(app.first().exitValue()).isZero();
        app.assertNothingLeftBehind();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    void shouldFinishWhatIsInFlightOnASignal(String signal) throws Exception {
        try (var held = app.hold()) {
            app.awaitOpen(1, 1);

            app.signal(signal);

            await().until(() -> app.status().state().equals("draining"));
            assertThat(held.finish().header("Connection")).isEqualTo("close");
            assertExitsInOrder();
        }
    }

    @Test
    void shouldCutWhatIsInFlightOnTheSecondSignal() throws Exception {
        try (var held = app.hold()) {
            app.awaitOpen(1, 1);
            app.signal("TERM");
            await().until(() -> app.status().state().equals("draining"));

            app.signal("TERM");

            held.client().expectRestThenEof();
            assertExitsInOrder();
        }
    }

    @ParameterizedTest(name = "while the successor hangs once {0}")
    @EnumSource(names = {"STARTED", "LISTENING"})
    void shouldTakeTheSuccessorAlongInAHandover(Step step) throws Exception {
        try (var held = app.hold()) {
            app.awaitOpen(1, 1);
            app.next(Deed.HANG, step);
            app.signal("HUP");
            await().until(() -> !app.history("fault").isEmpty());

            app.signal("TERM");

            await().until(() -> app.status().state().equals("draining"));
            held.finish();
            assertExitsInOrder();
        }
    }

    /** The answer to the old connection comes from the incumbent, the one to the new connection from the successor. */
    @Test
    void shouldFinishWhatBothHaveInFlightWhenTheSuccessorServesAlready() throws Exception {
        app.close();
        app = Deployment.in(Files.createDirectory(directory.resolve("watched")))
                .set("watch", Duration.ofSeconds(60))
                .start();
        try (var old = app.hold()) {
            app.awaitOpen(1, 1);
            app.signal("HUP");
            await().until(() -> app.status().phase().equals("watching"));
            try (var young = app.hold();
                    var answered = app.connect()) {
                // The successor accepts in order: what it has answered was accepted after the held one.
                assertThat(answered.get("/").expectAnswer(200).header("X-Generation"))
                        .isEqualTo("2");

                app.signal("TERM");

                await().until(() -> app.status().state().equals("draining"));
                assertThat(young.finish().header("X-Generation")).isEqualTo("2");
                assertThat(old.finish().header("X-Generation")).isEqualTo("1");
            }
            assertExitsInOrder();
        }
    }

    @Test
    void shouldStopWhenASuccessorThatAcceptsMakesTheIncumbentStop() throws Exception {
        try (var held = app.hold()) {
            app.awaitOpen(1, 1);
            app.next(Deed.TERMINATE_INCUMBENT, Step.ACCEPTING);

            app.signal("HUP");

            await().until(() -> app.log().contains("SIGTERM"));
            held.finish();
            assertExitsInOrder();
        }
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.baton.control.ControlClient;
import dev.baton.control.Message;
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Promise 4: whoever asked learns the outcome. */
@Timeout(120)
class AskerLearnsTheOutcomeIT {
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

    @Test
    void shouldTellTheAskerOfTheWayAndTheEndAndTheSuccessorToo() throws Exception {
        var incumbent = app.pid();
        var progress = new ArrayList<String>();
        Message.Outcome outcome;
        try (var client = ControlClient.connect(app.controlSocket())) {
            client.send(new Message.Restart());
            while (true) {
                var message = client.receive(Duration.ofSeconds(30));
                if (message instanceof Message.Progress(String text)) {
                    progress.add(text);
                } else {
                    outcome = (Message.Outcome) Objects.requireNonNull(message, "no answer in time");
                    break;
                }
            }
        }

        assertThat(outcome.ok()).isTrue();
        assertThat(outcome.reason()).isNull();
        assertThat(outcome.fromPid()).isEqualTo(incumbent);
        assertThat(outcome.toPid()).isEqualTo(app.pid());
        assertThat(outcome.toGeneration()).isEqualTo(2);
        assertThat(outcome.servingMs()).isBetween(outcome.readyMs(), outcome.totalMs());
        assertThat(progress).hasSize(2);
        assertThat(progress.getFirst()).contains("is ready");
        assertThat(progress.getLast()).contains("serves");
        await().untilAsserted(() -> assertThat(app.status().lastHandover()).isEqualTo(outcome));
    }

    @Test
    void shouldGoOnWithoutAnAskerThatHasLeft() throws Exception {
        try (var client = ControlClient.connect(app.controlSocket())) {
            client.send(new Message.Restart());
        }

        app.awaitGeneration(2);
    }

    @Test
    void shouldTellTheAskerThatTheIncumbentIsToldToStop() throws Exception {
        app.next(Deed.HANG, Step.LISTENING);
        var answer = Deployment.later(() -> app.ask(new Message.Restart()));
        await().until(() -> !app.history("fault").isEmpty());

        app.signal("TERM");

        assertThat(answer.get())
                .isInstanceOfSatisfying(
                        Message.Refused.class,
                        refused -> assertThat(refused.code()).isEqualTo(Message.Refused.STOPPING));
    }

    @Test
    void shouldNotLeaveTheAskerWaitingWhenTheIncumbentIsKilled() throws Exception {
        var incumbent = app.pid();
        app.next(Deed.KILL_INCUMBENT, Step.PREPARED);

        assertThatThrownBy(() -> app.ask(new Message.Restart()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("pid " + incumbent);
        app.awaitGeneration(2);
    }
}

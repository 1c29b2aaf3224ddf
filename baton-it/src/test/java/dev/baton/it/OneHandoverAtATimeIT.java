package dev.baton.it;

import static dev.baton.it.Deployment.assertNothingLost;
import static dev.baton.it.Deployment.awaitAnswers;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.baton.control.ControlClient;
import dev.baton.control.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Promise 3: one handover at a time; what is asked for meanwhile is merged into one that follows. */
@Timeout(120)
class OneHandoverAtATimeIT {
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

    /** All ten ask while the first predecessor still drains: one handover follows, and each hears of it once. */
    @Test
    void shouldMergeABurstOfTenIntoOneHandover() throws Exception {
        var askers = new ArrayList<ControlClient>();
        try (var held = app.hold();
                var load = app.load().start()) {
            awaitAnswers(load, 50);
            var first = app.restarting();
            app.awaitGeneration(2);
            for (int i = 0; i < 10; i++) {
                var asker = ControlClient.connect(app.controlSocket());
                askers.add(asker);
                asker.send(new Message.Restart());
                // Answered after the restart was understood.
                asker.send(new Message.Status());
                assertThat(next(asker)).isInstanceOf(Message.StatusReply.class);
            }
            var most = new AtomicInteger();
            held.finish();
            await().pollInterval(Duration.ofMillis(50)).until(() -> {
                most.accumulateAndGet(app.processes().size(), Math::max);
                return app.pid() == app.status().pid() && app.status().generation() == 3;
            });

            var outcomes = new HashSet<Message>();
            for (var asker : askers) {
                outcomes.add(next(asker));
                assertThatThrownBy(() -> next(asker)).as("a second answer").isInstanceOf(IOException.class);
            }
            assertThat(outcomes).singleElement().isInstanceOfSatisfying(Message.Outcome.class, outcome -> {
                assertThat(outcome.ok()).isTrue();
                assertThat(outcome.fromGeneration()).isEqualTo(2);
            });
            assertThat(first.get().fromGeneration()).isEqualTo(1);
            assertThat(most.get()).as("generations alive at once").isEqualTo(2);
            assertThat(app.history("ready")).hasSize(3);
            assertNothingLost(load);
        } finally {
            askers.forEach(ControlClient::close);
        }
    }

    /** The next message that is no progress. */
    private static Message next(ControlClient client) throws IOException {
        while (true) {
            var message = Objects.requireNonNull(client.receive(Duration.ofSeconds(30)), "no answer");
            if (!(message instanceof Message.Progress)) {
                return message;
            }
        }
    }

    @Test
    void shouldAnswerTwoWhoAskAtOnce() throws Exception {
        var asked = List.of(app.restarting(), app.restarting());

        assertThat(asked).allSatisfy(one -> assertThat(one.get().ok()).isTrue());
        assertThat(app.status().generation()).isBetween(2, 3);
    }

    @Test
    void shouldBeginARestartOnceThePredecessorHasDrained() throws Exception {
        try (var held = app.hold()) {
            var predecessor = app.pid();
            app.awaitOpen(1, 1);
            var first = app.restarting();
            app.awaitGeneration(2);

            var second = app.restarting();
            assertThat(app.history("joined")).hasSize(2);
            assertThat(app.status().predecessorPid()).isEqualTo(predecessor);

            held.finish();
            assertThat(first.get().ok()).isTrue();
            assertThat(second.get().ok()).isTrue();
            assertThat(second.get().fromGeneration()).isEqualTo(2);
            var drained = app.history("drained").getFirst();
            var third = app.history("joined").getLast();
            assertThat(third.nanos()).isGreaterThan(drained.nanos());
        }
    }

    @Test
    void shouldFollowTwoHangUpsWithAtMostTwoHandovers() throws Exception {
        try (var load = app.load().start()) {
            awaitAnswers(load, 50);
            var incumbent = app.pid();
            app.signal("HUP");
            await().until(() -> !app.status().phase().equals("idle"));
            Deployment.signal("HUP", incumbent);

            app.awaitGeneration(3);

            await().until(() -> app.status().phase().equals("idle"));
            assertThat(app.status().generation()).isEqualTo(3);
            assertNothingLost(load);
        }
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.load.Outcome;
import dev.baton.load.ScriptedClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code baton run -- COMMAND}: generations under a process that stays and keeps a copy of every listener. */
@Timeout(240)
class SupervisedIT {
    @TempDir
    Path directory;

    @Test
    void shouldRestartUnderLoadAndLoseNothingWhileItsOwnPidStays() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var load = hello.load().start()) {
            var supervisor = hello.process().pid();
            for (int generation = 2; generation <= 4; generation++) {
                assertThat(hello.restarted().toGeneration()).isEqualTo(generation);
                assertThat(hello.status().generation()).isEqualTo(generation);
            }

            assertThat(hello.process().pid()).isEqualTo(supervisor);
            assertThat(hello.process().isAlive()).isTrue();
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldFollowSignalsThatCameDuringARestartByOneMore() throws Exception {
        try (var hello = supervised("--watch", "0.3").start()) {
            var supervisor = hello.process().pid();
            Deployment.signal("HUP", supervisor);
            await().until(() -> !hello.status().phase().equals("idle"));
            Deployment.signal("HUP", supervisor);
            Deployment.signal("HUP", supervisor);

            await().until(() ->
                    hello.status().generation() == 3 && hello.status().phase().equals("idle"));
        }
    }

    @Test
    void shouldRefuseNobodyWhenTheServingGenerationIsKilled() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var load = hello.load().start()) {
            var killed = hello.pid();
            await().until(() -> load.snapshot().answered() > 50);
            var before = load.elapsed();
            Deployment.signal("KILL", killed);

            await().until(() -> hello.status().pid() != killed && hello.status().pid() != 0);
            var report = load.stop();

            System.out.printf(
                    "killed after %d ms, generation 2 answered after %d ms more%n",
                    before.toMillis(),
                    report.generations().getLast().first().minus(before).toMillis());
            assertThat(report.generations().getLast().number()).isEqualTo(2);
            assertThat(report.count(Outcome.REFUSED)).as(report.toTable()).isZero();
            assertThat(report.count(Outcome.CONNECT_TIMEOUT))
                    .as(report.toTable())
                    .isZero();
            assertThat(report.count(Outcome.TIMEOUT)).as(report.toTable()).isZero();
        }
    }

    @Test
    void shouldFinishWhatIsInFlightAndExitWithZeroOnSigterm() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var client = ScriptedClient.connect(hello.address())) {
            client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
            await().until(() -> hello.log().contains("serves"));
            hello.process().destroy();
            hello.awaitLog("stopping");
            client.send("llo");

            assertThat(client.expectAnswer(200).body()).isEqualTo("received=5\n");
            assertThat(hello.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(hello.process().exitValue()).isZero();
        }
    }

    @Test
    void shouldLeaveAGenerationBehindThatConductsItselfWhenTheSupervisorIsKilled() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var load = hello.load().start()) {
            var serving = hello.pid();
            hello.process().destroyForcibly();
            hello.awaitLog("the supervisor has ended");

            await().ignoreExceptions().until(() -> hello.pid() == serving); // it takes the control socket next
            assertThat(hello.restarted().toGeneration()).isEqualTo(2);
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldTakeOverTheGenerationOfASupervisorThatWasKilled() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var load = hello.load().start()) {
            var serving = hello.pid();
            hello.process().destroyForcibly();
            var again = again();
            try {
                await().ignoreExceptions()
                        .until(() -> Objects.equals(hello.status().supervisorPid(), again.pid()));

                assertThat(hello.status().pid()).isEqualTo(serving);
                assertThat(hello.restarted().toGeneration()).isEqualTo(2);
                assertThat(hello.status().supervisorPid()).isEqualTo(again.pid());
                Site.assertNothingLost(load);
                again.destroy();
                assertThat(again.waitFor(60, TimeUnit.SECONDS)).isTrue();
                assertThat(again.exitValue()).isZero();
            } finally {
                again.destroyForcibly();
            }
        }
    }

    /** The successor cannot know whether the one before it lives; the baton tells it. */
    @ParameterizedTest
    @ValueSource(strings = {"preparing", "watching"})
    void shouldLeaveOneGenerationServingWhenTheSupervisorIsKilledDuringAHandover(String phase) throws Exception {
        try (var hello = supervised("--watch", "30").start();
                var load = hello.load().start()) {
            var serving = hello.pid();
            Deployment.signal("HUP", hello.process().pid());
            hello.awaitPhase(phase);
            hello.process().destroyForcibly();

            // Which of the two it says depends on how far it has come.
            await().untilAsserted(() -> assertThat(hello.log())
                    .containsAnyOf(
                            "the generation before this one serves on",
                            "cannot serve: cannot listen on 127.0.0.1:0 as main: the link to the incumbent is gone"));
            await().ignoreExceptions().until(() -> hello.pid() == serving);
            await().untilAsserted(() ->
                    assertThat(hello.processes()).extracting(ProcessHandle::pid).containsExactly(serving));
            Site.assertNothingLost(load);
            assertThat(hello.restarted().ok()).isTrue();
        }
    }

    @Test
    void shouldRefuseASecondSupervisorOfTheSameNameAndLeaveTheFirstAlone() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var load = hello.load().start()) {
            var serving = hello.pid();
            var second = again();

            assertThat(second.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(second.exitValue()).isEqualTo(4);
            hello.awaitLog("hello runs already under a supervisor: pid "
                    + hello.process().pid() + " supervises generation 1, pid " + serving);
            assertThat(hello.pid()).isEqualTo(serving);
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldPassLiveConnectionsFromGenerationToGeneration() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var load = hello.load()
                        .keepAlive(20, Duration.ofMillis(100))
                        .pipeline(5, Duration.ofMillis(150), 4)
                        .start()) {
            Deployment.awaitAnswers(load, 100);
            for (int generation = 2; generation <= 4; generation++) {
                assertThat(hello.restarted().moved()).isPositive();
            }
            Deployment.awaitAnswers(load, 100);

            var report = Site.assertNothingLost(load);
            assertThat(report.closedWithNotice() + report.closedWithoutNotice())
                    .as(report.toTable())
                    .isZero();
        }
    }

    @Test
    void shouldPassStateFromGenerationToGeneration() throws Exception {
        try (var keeper = supervised("--watch", "0.3").main(Keeper.class).start()) {
            keeper.awaitLog("inherited nothing");
            var _ = keeper.restarted();
            keeper.awaitLog("inherited 1048577 bytes: 1");
            var _ = keeper.restarted();
            keeper.awaitLog("inherited 1048577 bytes: 2");
        }
    }

    /** Offers a mebibyte and its number, and says what it has inherited. */
    static final class Keeper {
        private static final int MIB = 1024 * 1024;

        private Keeper() {}

        public static void main(String[] args) throws Exception {
            var baton = Baton.join(BatonConfig.builder().name("hello").build());
            var inherited = baton.inheritedState("words");
            if (inherited.isPresent()) {
                var bytes = inherited.get().readAllBytes();
                System.out.println("inherited " + bytes.length + " bytes: " + (char) bytes[bytes.length - 1]);
            } else {
                System.out.println("inherited nothing");
            }
            baton.offerState("words", out -> {
                out.write(new byte[MIB]);
                out.write('0' + baton.generation());
            });
            var _ = baton.listen("keeper", BatonConfig.parseAddress("127.0.0.1:0"));
            baton.ready();
            baton.awaitEnd();
        }
    }

    @Test
    void shouldTellWhatTheGenerationHasOpen() throws Exception {
        try (var hello = supervised("--watch", "0.3").start();
                var client = ScriptedClient.connect(hello.address())) {
            client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");

            await().until(() -> hello.status().openRequests() == 1);
            assertThat(hello.status().openConnections()).isEqualTo(1);
            client.send("llo").expectAnswer(200);
            await().until(() -> hello.status().openRequests() == 0);
        }
    }

    @Test
    void shouldSayThatTheGenerationDoesNotAnswer() throws Exception {
        try (var hello = supervised("--watch", "0.3").start()) {
            var serving = hello.pid();
            Deployment.signal("STOP", serving);
            try {
                assertThat(hello.status().state()).isEqualTo("silent");
            } finally {
                Deployment.signal("CONT", serving);
            }
            await().until(() -> hello.status().state().equals("serving"));
        }
    }

    @Test
    void shouldStartAGenerationThatDiesAgainAfterALongerPauseEachTime() throws Exception {
        try (var hello = supervised("--watch", "0.1").start()) {
            for (int pause = 200; pause <= 800; pause *= 2) {
                var killed = hello.pid();
                Deployment.signal("KILL", killed);
                hello.awaitLog("is started in " + pause + " ms");
                await().until(() -> hello.pid() != 0 && hello.pid() != killed);
                hello.awaitPhase("idle");
            }
        }
    }

    private Process again() throws Exception {
        var words = new ArrayList<>(List.of(run("--watch", "0.3")));
        words.addAll(hello());
        return Supervised.spawn(
                directory,
                directory.resolve("log"),
                Map.of("BATON_RUNTIME_DIR", directory.resolve("run").toString()),
                words);
    }

    private List<String> hello() {
        var words = new ArrayList<String>();
        words.add(Site.JAVA.toString());
        words.addAll(Site.OPTIONS);
        words.addAll(List.of("-cp", Site.CLASS_PATH, "dev.baton.cli.Main", "hello", "--address", "127.0.0.1:0"));
        return words;
    }

    @Test
    void shouldGiveUpAnApplicationThatNeverStarts() throws Exception {
        var ended = Site.in(directory)
                .behind(run())
                .option("-Dno.such.class")
                .main(Nothing.class)
                .fail();

        assertThat(ended.exitCode()).isEqualTo(1);
        assertThat(ended.err())
                .contains("nobody serves")
                .contains("exited with code 7")
                .contains("giving up");
    }

    /** An application that ends at once. */
    static final class Nothing {
        private Nothing() {}

        public static void main(String[] args) {
            System.exit(7);
        }
    }

    private Site.Builder supervised(String... options) {
        return Site.in(directory).behind(run(options));
    }

    private String[] run(String... options) {
        var command = new ArrayList<>(Site.batonCommand(
                "run", "--control-socket", directory.resolve("hello.sock").toString(), "--name", "hello"));
        command.addAll(List.of(options));
        command.add("--");
        return command.toArray(String[]::new);
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor as pid 1 of a container, and in the foreground of a terminal. */
@Timeout(180)
class WhereASupervisorRunsIT {
    private static final List<String> CONTAINER = List.of("unshare", "--pid", "--fork", "--mount-proc", "--kill-child");

    @TempDir
    Path directory;

    @Test
    void shouldRestartAndReapStrangersAsPidOne() throws Exception {
        assumeTrue(mayUnshare(), "this user may not make a pid namespace");
        var port = Integer.toString(Supervised.freePort());
        Files.copy(Supervised.jar(directory, "1"), directory.resolve("plain.jar"));
        var script = directory.resolve("start.sh");
        Files.writeString(
                script, "#!/bin/sh\n(sleep 0.4711 &)\nexec '" + Supervised.JAVA + "' -jar plain.jar " + port + "\n");
        assertThat(script.toFile().setExecutable(true)).isTrue();
        var words = new ArrayList<>(CONTAINER);
        words.addAll(Supervised.words(directory, List.of(), script.toString()));
        var plain = Supervised.start(directory, Map.of(), words);
        try {
            var supervisor = plain.process().children().findFirst().orElseThrow();
            try (var load = plain.load().start()) {
                assertThat(plain.status().supervisorPid()).isEqualTo(1);
                assertThat(plain.restarted().toGeneration()).isEqualTo(2);
                Deployment.awaitAnswers(load, 50);
                assertThat(load.stop().lost()).isZero();
            }
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(ended(supervisor))
                            .as("children nobody has taken note of")
                            .isEmpty());
            // An exit code it was told of is the JDK's own child's: it was not taken for a stranger.
            assertThat(plain.log()).doesNotContain("which served");

            Deployment.signal("TERM", supervisor.pid());
            assertThat(plain.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(plain.process().exitValue()).isZero();
        } finally {
            plain.close();
        }
    }

    private static List<String> ended(ProcessHandle supervisor) {
        return supervisor
                .children()
                .map(child -> {
                    try {
                        return Files.readString(Path.of("/proc/" + child.pid() + "/stat"), StandardCharsets.ISO_8859_1);
                    } catch (IOException e) {
                        return "";
                    }
                })
                .filter(stat -> stat.contains(") Z "))
                .toList();
    }

    private static boolean mayUnshare() throws Exception {
        var words = new ArrayList<>(CONTAINER);
        words.add("true");
        try {
            return new ProcessBuilder(words).start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** Ctrl-C goes to everybody in the foreground: the supervisor and its generations. */
    @Test
    void shouldFinishWhatIsInFlightWhenTheWholeForegroundIsInterrupted() throws Exception {
        try (var hello = inTheForeground();
                var client = ScriptedClient.connect(hello.address())) {
            client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
            await().until(() -> hello.status().openRequests() == 1);
            signalGroup("INT", hello.process().pid());
            hello.awaitLog("asked for by SIGINT");
            client.send("llo");

            assertThat(client.expectAnswer(200).body()).isEqualTo("received=5\n");
            assertThat(hello.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(hello.process().exitValue()).isZero();
        }
    }

    @Test
    void shouldGoOnAfterItWasSuspended() throws Exception {
        try (var hello = inTheForeground()) {
            var serving = hello.pid();
            signalGroup("TSTP", hello.process().pid());
            signalGroup("CONT", hello.process().pid());

            assertThat(hello.restarted().fromPid()).isEqualTo(serving);
        }
    }

    @Test
    void shouldEndAtOnceWhenItIsToldTwice() throws Exception {
        try (var hello = inTheForeground();
                var client = ScriptedClient.connect(hello.address())) {
            client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
            await().until(() -> hello.status().openRequests() == 1);
            hello.process().destroy();
            hello.awaitLog("stopping, asked for by SIGTERM");
            assertThat(hello.process().isAlive()).isTrue();
            hello.process().destroy();

            // Its shutdown time-out is a minute.
            assertThat(hello.process().waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(hello.process().exitValue()).isZero();
        }
    }

    private Site inTheForeground() throws Exception {
        var words = new ArrayList<>(List.of("setsid"));
        words.addAll(Site.batonCommand(
                "run", "--control-socket", directory.resolve("hello.sock").toString(), "--name", "hello"));
        words.addAll(List.of("--watch", "0.3", "--shutdown-timeout", "60", "--"));
        return Site.in(directory).behind(words.toArray(String[]::new)).start();
    }

    private static void signalGroup(String name, long group) throws Exception {
        var kill = new ProcessBuilder("kill", "-" + name, "--", "-" + group).start();
        assertThat(kill.waitFor()).isZero();
    }
}

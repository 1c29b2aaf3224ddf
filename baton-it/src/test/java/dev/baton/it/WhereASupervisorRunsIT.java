package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.linux.User;
import dev.baton.load.ScriptedClient;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor as pid 1 of a container, in the foreground of a terminal, and as a user who sees nobody else's processes. */
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

    /** The mount option hidepid of /proc, see proc(5). */
    @Test
    void shouldRestartWhereTheProcessesOfOthersAreHidden() throws Exception {
        assumeTrue(User.id() == 0, "only root can mount /proc and become another user");
        assumeTrue(mayMount(), "mounting is not allowed here");
        var baton = String.join(" ", Site.batonCommand()).replace(Site.CLASS_PATH, publicClasses());
        var agent = Files.copy(Site.agent(), directory.resolve("classes/baton-agent.jar"));
        Files.move(Supervised.jar(directory, "1"), directory.resolve("plain.jar"));
        var script = Files.writeString(
                directory.resolve("hidden.sh"), """
                #!/bin/sh
                mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '
                    ! test -e /proc/1 || exit 90
                    %1$s run --name plain --watch 0.3 --agent %2$s -- %3$s -jar plain.jar %4$d &
                    until %1$s status plain; do sleep 0.2; done
                    %1$s restart plain
                    code=$?
                    kill $! && wait $! && exit $code
                '
                """.formatted(baton, agent, Supervised.JAVA, Supervised.freePort()));
        assertThat(sh("chown -R 65534:65534 " + directory)).isZero();
        var log = directory.resolve("log");
        var process =
                Supervised.spawn(directory, log, Map.of(), List.of("unshare", "--mount", "sh", script.toString()));
        try {
            assertThat(process.waitFor(90, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(Files.readString(log)).isZero();
            assertThat(Files.readString(log)).contains("(generation 1) handed over to");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** The class path, copied to where another user can read it. */
    private String publicClasses() throws Exception {
        var target = Files.createDirectory(directory.resolve("classes"));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
        var places = new ArrayList<String>();
        for (var entry : Site.CLASS_PATH.split(File.pathSeparator, -1)) {
            if (entry.isEmpty() || !Files.exists(Path.of(entry))) {
                continue;
            }
            var place = Files.createDirectory(target.resolve(Integer.toString(places.size())));
            assertThat(sh("cp -r '" + entry + "' " + place)).isZero();
            places.add(place.resolve(Path.of(entry).getFileName()).toString());
        }
        return String.join(File.pathSeparator, places);
    }

    /** Beside the jar of the command line, where {@code run} looks for it too. */
    private static boolean mayMount() throws Exception {
        return sh("unshare --mount mount -t proc -o hidepid=2 proc /proc") == 0;
    }

    private static int sh(String script) throws Exception {
        return new ProcessBuilder("sh", "-c", script).inheritIO().start().waitFor();
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
        try (var hello = inTheForeground()) {
            // It leaves by itself: the supervisor may have said so before its generation drains, and then nobody tells
            // it to.
            try (var client = ScriptedClient.connect(hello.address())) {
                client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
                await().until(() -> hello.status().openRequests() == 1);
                signalGroup("INT", hello.process().pid());
                hello.awaitLog("asked for by SIGINT");
                client.send("llo");

                assertThat(client.expectAnswer(200).body()).isEqualTo("received=5\n");
            }
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

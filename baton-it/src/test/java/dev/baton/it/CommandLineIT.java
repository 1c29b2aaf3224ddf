package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.load.Keys;
import dev.baton.load.ScriptedClient;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.jr.ob.JSON;

/** {@code baton} as an operator or a script meets it: what it prints, and its exit codes. */
@Timeout(180)
class CommandLineIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    @Test
    void shouldRestartByPidByNameAndByPath() throws Exception {
        try (var app = Site.in(directory).byName().start();
                var load = app.load().start()) {
            for (var target : List.of(
                    Long.toString(app.pid()), "hello", app.controlSocket().toString())) {
                var incumbent = app.pid();

                var restart = Site.baton(directory, "restart", target);

                assertThat(restart.exitCode()).as(restart.err()).isZero();
                assertThat(restart.out())
                        .hasLineCount(1)
                        .startsWith("pid " + incumbent + " (generation ")
                        .contains("handed over to pid " + app.pid(), "nothing cut");
                assertThat(restart.err()).contains("is ready after", "serves");
                app.awaitPhase("idle");
            }
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldTellHowThingsStandIdleAndDuringAHandover() throws Exception {
        try (var app = Site.in(directory).byName().start()) {
            var incumbent = app.pid();

            var idle = Site.baton(directory, "status", "hello");

            assertThat(idle.exitCode()).isZero();
            assertThat(idle.out())
                    .containsPattern("pid +" + incumbent + "\n")
                    .containsPattern("generation +1\n")
                    .containsPattern("state +serving\n")
                    .containsPattern("listeners +main 127\\.0\\.0\\.1:\\d+ \\(bound\\)\n")
                    .containsPattern("last +no handover yet\n");
            assertThat(json(app)).containsEntry("phase", "idle").doesNotContainKey("successorPid");

            var restart = app.restarting();
            var successor = app.awaitSuccessor();
            Deployment.signal("STOP", successor);
            var during = json(app);
            Deployment.signal("CONT", successor);

            assertThat(during)
                    .containsEntry("name", "hello")
                    .containsEntry("state", "handing_over")
                    .containsEntry("phase", "starting")
                    .containsEntry("controlSocket", app.controlSocket().toString());
            assertThat(during.get("pid")).hasToString(Long.toString(incumbent));
            assertThat(during.get("successorPid")).hasToString(Long.toString(successor));
            assertThat(restart.get(LIMIT.toSeconds(), TimeUnit.SECONDS).ok()).isTrue();
            app.awaitPhase("idle");
            assertThat(json(app)).containsEntry("state", "serving").containsKey("lastHandover");
        }
    }

    @Test
    void shouldExitWith2AndTheUsageWhenUsedWrongly() throws Exception {
        var option = Site.baton(directory, "restart", "--gently", "hello");
        assertThat(option.exitCode()).isEqualTo(2);
        assertThat(option.err()).contains("Unknown option: '--gently'", "Usage: baton restart");

        var nothing = Site.baton(directory);
        assertThat(nothing.exitCode()).isEqualTo(2);
        assertThat(nothing.err()).contains("say what to do", "Usage: baton");

        var address = Site.baton(directory, "hello", "--address", "nonsense");
        assertThat(address.exitCode()).isEqualTo(2);
        assertThat(address.err()).contains("'nonsense' is no address");
    }

    @Test
    void shouldExitWith3WhenNobodyIsThere() throws Exception {
        var gone = new ProcessBuilder("true").start();
        gone.waitFor();
        for (var target : List.of(
                "nobody",
                Long.toString(gone.pid()),
                directory.resolve("no.sock").toString())) {
            var status = Site.baton(directory, "status", target);

            assertThat(status.exitCode()).as(status.err()).isEqualTo(3);
            assertThat(status.err()).hasLineCount(1).startsWith("baton: ").contains(target);
        }
        var bystander = Site.baton(
                directory, "restart", Long.toString(ProcessHandle.current().pid()));
        assertThat(bystander.exitCode()).isEqualTo(3);
        assertThat(bystander.err()).contains("has no control socket: it does not take part");
    }

    @Test
    void shouldExitWith1WhenTheHandoverWasCalledOffOrTheStartFailed() throws Exception {
        var file = Files.writeString(directory.resolve("environment"), "");
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var address = "127.0.0.1:" + taken.getLocalPort();
            var failed = Site.in(directory).address(address).fail();
            assertThat(failed.exitCode()).isEqualTo(1);
            assertThat(failed.err()).contains("cannot listen on " + address).doesNotContain("\tat ");
            assertThat(directory.resolve("hello.sock")).doesNotExist();
        }
        try (var app = Site.in(directory)
                .argument("--environment-file", file.toString())
                .start()) {
            Files.writeString(file, "?");

            var restart = Site.baton(directory, "restart", app.controlSocket().toString());

            assertThat(restart.exitCode()).isEqualTo(1);
            assertThat(restart.out()).isEmpty();
            assertThat(restart.err())
                    .hasLineCount(1)
                    .startsWith("baton: still serving from pid " + app.pid())
                    .contains(file + ", line 1");
        }
    }

    @Test
    void shouldExitWith4WhenRefusedAndWith5WhenItWaitedInVain() throws Exception {
        try (var app = Site.in(directory).start()) {
            var incumbent = app.pid();
            Deployment.signal("STOP", incumbent);
            var inVain = Site.baton(
                    directory, "restart", "--timeout", "1", app.controlSocket().toString());
            Deployment.signal("CONT", incumbent);

            assertThat(inVain.exitCode()).isEqualTo(5);
            assertThat(inVain.err())
                    .hasLineCount(1)
                    .contains("the handover of pid " + incumbent + " is not over after 1 s; it goes on");
            await().atMost(LIMIT).ignoreExceptions().until(() -> app.status().generation() == 2);
            app.awaitPhase("idle");

            try (var open = ScriptedClient.connect(app.address())) {
                open.send("POST /upload HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\n\r\n");
                await().atMost(LIMIT).until(() -> app.status().openRequests() == 1);
                app.signal("TERM");
                await().atMost(LIMIT).until(() -> app.status().state().equals("draining"));

                var refused =
                        Site.baton(directory, "restart", app.controlSocket().toString());

                assertThat(refused.exitCode()).isEqualTo(4);
                assertThat(refused.err()).hasLineCount(1).contains("refused (stopping)", "is stopping");
                open.send("hello").expectAnswer(200);
            }
        }
    }

    @Test
    void shouldShowInADemoThatNothingIsLost() throws Exception {
        var main = Class.forName("dev.baton.cli.Main", false, getClass().getClassLoader());
        var other = Site.copyOfThePlaceOf(main, directory) + File.pathSeparator + Site.CLASS_PATH;
        var demo = demo("--restarts", "2", "--rate", "200", "--alternate", other);
        assertThat(demo.process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        assertThat(demo.process.exitValue()).as(demo.said()).isZero();
        assertThat(demo.said())
                .containsPattern("restarts +2 of 2")
                .containsPattern("failed +0\n")
                .contains("every second generation runs " + other)
                .contains("trigger to first answer", "p99.9", "nothing lost");
        demo.assertNothingLeft();
    }

    @Test
    void shouldExitWith1FromADemoThatLostSomething() throws Exception {
        var demo = demo("--restarts", "1", "--rate", "200", "--shutdown-timeout", "0");
        assertThat(demo.process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        assertThat(demo.process.exitValue()).as(demo.said()).isEqualTo(1);
        assertThat(demo.said()).contains("SOMETHING WAS LOST", "the log of the server: ");
        await().atMost(LIMIT).until(() -> demo.processes().isEmpty());
    }

    @Test
    void shouldTellInADemoOfTwoBuildsWhichCannotFollow() throws Exception {
        var demo = demo("--restarts", "1", "--rate", "200", "--alternate", "/nowhere.jar");
        assertThat(demo.process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        assertThat(demo.process.exitValue()).as(demo.said()).isEqualTo(1);
        assertThat(demo.said())
                .containsPattern("restarts +0 of 1")
                .containsPattern("failed +0\n")
                .contains("it exited with code 1 before it asked for the listeners");
        await().atMost(LIMIT).until(() -> demo.processes().isEmpty());
    }

    @Test
    void shouldLeaveNothingOfADemoThatIsInterrupted() throws Exception {
        var demo = demo("--restarts", "20", "--rate", "200");
        await().atMost(LIMIT).until(() -> demo.said().contains("restart 1 of 20"));

        Deployment.signal("INT", demo.process.pid());

        assertThat(demo.process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(demo.process.exitValue()).isEqualTo(130);
        demo.assertNothingLeft();
    }

    @Test
    void shouldLoseNothingOverTlsAndHttp2() throws Exception {
        var keys = Keys.in(directory);
        var lost = new ConcurrentLinkedQueue<Throwable>();
        var answers = new AtomicInteger();
        var over = new AtomicBoolean();
        try (var app = Site.in(directory)
                        .argument("--tls-certificate", keys.certificate().toString())
                        .argument("--tls-key", keys.key().toString())
                        .start();
                var client = HttpClient.newBuilder()
                        .sslContext(keys.trusted())
                        .version(HttpClient.Version.HTTP_2)
                        .build()) {
            var uri = URI.create("https://127.0.0.1:" + app.address().getPort() + "/slow?ms=30");
            var threads = new ArrayList<Thread>();
            for (int i = 0; i < 8; i++) {
                threads.add(Thread.startVirtualThread(() -> ask(client, uri, over, answers, lost)));
            }
            awaitMore(answers, 50);

            for (int i = 0; i < 2; i++) {
                app.restarted();
                awaitMore(answers, 50);
            }

            over.set(true);
            for (var thread : threads) {
                thread.join(LIMIT);
            }
            assertThat(lost).isEmpty();
            assertThat(app.status().generation()).isEqualTo(3);
        }
    }

    private static void ask(
            HttpClient client, URI uri, AtomicBoolean over, AtomicInteger answers, Queue<Throwable> lost) {
        while (!over.get()) {
            try {
                var answer =
                        client.send(HttpRequest.newBuilder(uri).timeout(LIMIT).build(), BodyHandlers.ofString());
                assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
                assertThat(answer.statusCode()).isEqualTo(200);
                assertThat(answer.body()).isEqualTo("Hello, world!\n");
                answers.incrementAndGet();
            } catch (Exception | AssertionError e) {
                lost.add(e);
                return;
            }
        }
    }

    private static void awaitMore(AtomicInteger answers, int more) {
        var target = answers.get() + more;
        await().atMost(LIMIT).until(() -> answers.get() >= target);
    }

    private Map<String, Object> json(Site app) throws Exception {
        var status =
                Site.baton(directory, "status", "--json", app.controlSocket().toString());
        assertThat(status.exitCode()).as(status.err()).isZero();
        return JSON.std.mapFrom(status.out());
    }

    /** A demo that runs, with a directory for temporary files of its own. */
    private record Demo(Process process, Path output, Path temporary) {
        String said() throws IOException {
            return Files.readString(output);
        }

        List<ProcessHandle> processes() {
            var marker = "BATON_IT=" + temporary + "\0";
            return ProcessHandle.allProcesses()
                    .filter(one -> {
                        try {
                            return Files.readString(
                                            Path.of("/proc/" + one.pid() + "/environ"), StandardCharsets.ISO_8859_1)
                                    .contains(marker);
                        } catch (IOException e) {
                            return false;
                        }
                    })
                    .toList();
        }

        void assertNothingLeft() {
            await().atMost(LIMIT).untilAsserted(() -> assertThat(processes()).isEmpty());
            assertThat(temporary).isEmptyDirectory();
        }
    }

    private Demo demo(String... arguments) throws IOException {
        var temporary = Files.createDirectory(directory.resolve("tmp"));
        var output = directory.resolve("demo.out");
        var command = Site.batonCommand("demo");
        command.add(1, "-Djava.io.tmpdir=" + temporary);
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
        builder.environment().put("BATON_IT", temporary.toString());
        return new Demo(builder.start(), output, temporary);
    }
}

package dev.baton.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.control.Message;
import dev.baton.linux.User;
import dev.baton.load.ScriptedClient;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an application may do, and may be done to it: the incumbent serves on, and whoever asked learns why. */
@Timeout(120)
class BadThingsIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int JAVA_8 = 52;
    private static final Pattern OLDER = Pattern.compile("JAVA_VERSION=\"(1\\.8|9|1\\d|2[0-4])\\b");

    @TempDir
    private Path directory;

    private Path mood;

    @BeforeEach
    void chooseWhereTheMoodStands() {
        mood = directory.resolve("mood");
    }

    private Unmodified start(String furtherOptions, String... jvmOptions) throws IOException {
        var options = "=name=app,control-socket=" + directory.resolve("app.sock") + ",watch=0.2,shutdown-timeout=10"
                + furtherOptions;
        return Unmodified.start(directory, options, List.of(jvmOptions), MoodyApp.class, mood.toString());
    }

    private void mood(String... lines) throws IOException {
        Files.write(mood, List.of(lines));
    }

    /** A restart fails, with this reason, and it is as if nobody had asked. */
    private static void assertCalledOff(Unmodified app, String reason) throws IOException {
        var before = app.awaitIncumbent(1);
        var outcome = app.restart();
        assertThat(outcome.ok()).isFalse();
        assertThat(outcome.reason()).contains(reason);
        assertThat(app.awaitIncumbent(1).pid()).isEqualTo(before.pid());
        assertThat(app.answers()).isTrue();
    }

    private static void assertRestarted(Unmodified app) throws IOException {
        var outcome = app.restart();
        assertThat(outcome.reason()).isNull();
        assertThat(outcome.ok()).isTrue();
        assertThat(app.answers()).isTrue();
    }

    private static int freePort() throws IOException {
        try (var free = new ServerSocket(0)) {
            return free.getLocalPort();
        }
    }

    private static boolean isServed(int port) {
        try (var _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void shouldCallOffASuccessorThatBindsNoPort() throws Exception {
        try (var app = start(",child-timeout=10")) {
            app.awaitIncumbent(1);
            mood("bind-none");

            assertCalledOff(app, "it was silent for too long before it was ready");
        }
    }

    @Test
    void shouldWaitForASuccessorThatWorksLongBeforeItBinds() throws Exception {
        try (var app = start(",child-timeout=7")) {
            app.awaitIncumbent(1);
            mood("busy 13000");

            assertRestarted(app);
        }
    }

    @Test
    void shouldLetASuccessorListenElsewhere() throws Exception {
        try (var app = start("")) {
            app.awaitIncumbent(1);
            int other = freePort();
            mood("instead " + other);

            assertThat(app.restart().ok()).isTrue();

            await().atMost(LIMIT).until(() -> isServed(other) && !app.answers());
            assertThat(app.log()).contains("this generation does not listen on");
        }
    }

    @Test
    void shouldCallOffASuccessorWhoseSecondPortIsAStrangers() throws Exception {
        try (var app = start("");
                var stranger = new ServerSocket(0)) {
            app.awaitIncumbent(1);
            mood("also " + stranger.getLocalPort());

            assertCalledOff(
                    app,
                    "it failed: the application could not bind tcp:*:" + stranger.getLocalPort()
                            + ": Address already in use");
        }
    }

    @Test
    void shouldCallOffASuccessorForANewerJava() throws Exception {
        try (var app = start("")) {
            app.awaitIncumbent(1);
            mood("newer-java");

            assertCalledOff(app, "exited with code 1");
            assertThat(app.log()).contains("UnsupportedClassVersionError");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"halt-after 1", "exit-after 1"})
    void shouldCallOffASuccessorThatEndsBeforeItIsReady(String end) throws Exception {
        try (var app = start("")) {
            app.awaitIncumbent(1);
            mood(end, "silent 60000");

            assertCalledOff(app, "exited with code " + (end.startsWith("halt") ? 3 : 4));
        }
    }

    @Test
    void shouldServeOnInTheSuccessorWhenTheIncumbentExitsDuringTheHandover() throws Exception {
        try (var app = start("")) {
            var first = app.awaitIncumbent(1).pid();
            mood("busy 4000");
            var asking = Thread.ofPlatform().daemon().start(() -> {
                try {
                    app.restart();
                } catch (IOException e) {
                    // The incumbent is gone before it can answer.
                }
            });
            await().atMost(LIMIT)
                    .until(
                            app::status,
                            status -> status != null && status.phase().equals("preparing"));
            ProcessHandle.of(first).orElseThrow().destroyForcibly();
            asking.join();

            await().atMost(LIMIT).until(app::answers);
            var now = await().atMost(LIMIT)
                    .until(
                            app::status,
                            status -> status != null && status.phase().equals("idle"));
            assertThat(Objects.requireNonNull(now).pid()).isNotEqualTo(first);
        }
    }

    @Test
    void shouldRefuseWhereTheDebuggerHasAFixedPort() throws Exception {
        var port = freePort();
        try (var app = start("", "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:" + port)) {
            app.awaitIncumbent(1);

            assertCalledOff(app, "the debugger's port (jdwp, address=)");
        }
    }

    @Test
    void shouldHandOverTheRemotePortOfJmx() throws Exception {
        var port = freePort();
        try (var app = start(
                "",
                "-Dcom.sun.management.jmxremote.port=" + port,
                "-Dcom.sun.management.jmxremote.rmi.port=" + port,
                "-Dcom.sun.management.jmxremote.authenticate=false",
                "-Dcom.sun.management.jmxremote.ssl=false",
                "-Dcom.sun.management.jmxremote.host=127.0.0.1")) {
            await().atMost(LIMIT).until(() -> app.awaitIncumbent(1).listeners().size() == 2);

            assertRestarted(app);

            app.awaitIncumbent(2);
            assertThat(isServed(port)).isTrue();
            assertThat(app.status())
                    .extracting(Message.StatusReply::listeners)
                    .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.list(Message.ListenerStatus.class))
                    .allMatch(Message.ListenerStatus::inherited)
                    .hasSize(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"HUP", "TERM"})
    void shouldBeRestartedByTheControlSocketWhereTheApplicationHandlesASignal(String signal) throws Exception {
        mood("silent 7000", "handle " + signal);
        try (var app = start("")) {
            var first = app.awaitIncumbent(1).pid();
            assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(first))
                            .start()
                            .waitFor())
                    .isZero();
            await().atMost(LIMIT).until(() -> app.log().contains("the application got " + signal));
            assertThat(app.answers()).isTrue();
            mood("");

            assertRestarted(app);
        }
    }

    @Test
    void shouldBeReadyWhenTheRequestForItsHealthSucceeds() throws Exception {
        try (var app = start(",ready-http=/health,ready-timeout=12,child-timeout=6")) {
            app.awaitIncumbent(1);
            mood("sick");

            assertCalledOff(app, "it was ");
            assertThat(app.log()).contains("/health is answered with 503");

            mood("");
            assertRestarted(app);
        }
    }

    @Test
    void shouldWarmUpBeforeItIsReady() throws Exception {
        try (var app = start(",ready-http=/health,warm-up=120")) {
            app.awaitIncumbent(1);
            assertRestarted(app);

            try (var client = ScriptedClient.connect(app.address())) {
                var asked = client.get("/").expectAnswer(200).header("X-Asked-For-Health");
                assertThat(Integer.parseInt(asked)).isGreaterThanOrEqualTo(120);
            }
        }
    }

    @Test
    void shouldBeReadyWhenTheLineIsPrinted() throws Exception {
        mood("say 1000 I am up");
        try (var app = start(",ready-line=I am up")) {
            app.awaitIncumbent(1);
            mood("say 0 I am down", "exit-after 3000");

            assertCalledOff(app, "exited with code 4");
            assertThat(app.log()).contains("waiting for the application to print 'I am up'");

            mood("say 1000 I am up");
            assertRestarted(app);
        }
    }

    @Test
    void shouldStandBackWhereTheApplicationTakesPartByItself() throws Exception {
        var own = directory.resolve("app.sock").toString();
        var options = "=name=agents,control-socket=" + directory.resolve("agents.sock");
        var needed = List.of("--enable-native-access=ALL-UNNAMED", "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED");
        try (var app = Unmodified.start(directory, options, needed, LibraryApp.class, own)) {
            assertThat(app.awaitIncumbent(1).listeners())
                    .singleElement()
                    .extracting(Message.ListenerStatus::name)
                    .isEqualTo("hello");

            assertRestarted(app);
            assertRestarted(app);

            assertThat(app.awaitIncumbent(3).listeners()).hasSize(1);
            await().atMost(LIMIT)
                    .until(() -> app.log().contains("the application takes part by itself; the agent stands back"));
            assertThat(Files.exists(directory.resolve("agents.sock"))).isFalse();
        }
    }

    @Test
    void shouldSayThatAHangUpWillNotArriveUnderNohup() throws Exception {
        var port = freePort();
        var log = directory.resolve("nohup.log");
        var process = new ProcessBuilder(
                        "nohup",
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-javaagent:" + System.getProperty("baton.agent") + "=name=app,control-socket="
                                + directory.resolve("app.sock"),
                        "-cp",
                        Unmodified.classPath(),
                        MoodyApp.class.getName(),
                        Integer.toString(port),
                        mood.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            await().atMost(LIMIT).until(() -> Files.readString(log).contains("SIGHUP will never arrive"));
            assertThat(Files.readString(log)).contains("restart it with: baton restart");
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void shouldLetTheApplicationStartWithAnAgentThatIsDamaged() throws Exception {
        var damaged = directory.resolve("baton-agent.jar");
        try (var whole = new java.util.zip.ZipFile(Objects.requireNonNull(System.getProperty("baton.agent")));
                var out = new java.util.zip.ZipOutputStream(Files.newOutputStream(damaged))) {
            for (var entry : java.util.Collections.list(whole.entries())) {
                if (!entry.getName().endsWith("BatonHook.class")) {
                    out.putNextEntry(new java.util.zip.ZipEntry(entry.getName()));
                    whole.getInputStream(entry).transferTo(out);
                }
            }
        }
        try (var app = Unmodified.start(directory, damaged, "", List.of(), MoodyApp.class, mood.toString())) {
            assertThat(app.answers()).isTrue();
            assertThat(app.log())
                    .startsWith("baton: this process runs without Baton and cannot be restarted by it: the jar of the"
                            + " agent has no sun/nio/ch/BatonHook");
            assertThat(app.log().lines()).hasSize(1);
        }
    }

    @Test
    void shouldBeReadableToAnOlderJvm() throws Exception {
        try (var jar = new JarFile(Objects.requireNonNull(System.getProperty("baton.agent")));
                var entry = new DataInputStream(jar.getInputStream(jar.getEntry("dev/baton/agent/Premain.class")))) {
            assertThat(entry.readInt()).isEqualTo(0xCAFEBABE);
            assertThat(entry.readInt()).as("the version of the class file").isEqualTo(JAVA_8);
        }
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("olderJavas")
    void shouldStepAsideOnAnOlderJvm(Path java) throws Exception {
        var log = directory.resolve("old.log");
        var agent = "-javaagent:" + System.getProperty("baton.agent") + "=name=app";
        var process = new ProcessBuilder(java.toString(), agent, "-version")
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();

        assertThat(process.waitFor()).as(Files.readString(log)).isZero();
        assertThat(Files.readString(log))
                .startsWith("baton: this process runs without Baton and cannot be restarted by it: it is run by Java ")
                .contains(", and Baton needs 25 or later\n")
                .contains(" version ");
    }

    /** Those of this machine; a machine may have none. */
    private static List<Path> olderJavas() throws IOException {
        var found = new ArrayList<Path>();
        var homes = Path.of("/usr/lib/jvm");
        if (Files.isDirectory(homes)) {
            try (var entries = Files.newDirectoryStream(homes)) {
                for (var home : entries) {
                    var release = home.resolve("release");
                    if (!Files.isSymbolicLink(home)
                            && Files.isExecutable(home.resolve("bin/java"))
                            && Files.exists(release)
                            && OLDER.matcher(Files.readString(release)).find()) {
                        found.add(home.resolve("bin/java"));
                    }
                }
            }
        }
        return found;
    }

    @Test
    void shouldNotStartAtAllWithoutTheJar() throws Exception {
        try (var app = Unmodified.start(
                directory, directory.resolve("nothing.jar"), "", List.of(), MoodyApp.class, mood.toString())) {
            assertThat(app.process().waitFor()).isEqualTo(1);
            assertThat(app.log()).contains("Error opening zip file or JAR manifest missing");
        }
    }

    @ParameterizedTest(name = "on a disk mounted {0}")
    @CsvSource({"ro, mounted read-only", "nr_inodes=1, 'ENOSPC, no space left'"})
    void shouldLetTheApplicationStartWhereTheControlSocketHasNoPlace(String options, String reason) throws Exception {
        assumeTrue(User.id() == 0, "only root can mount such a disk");
        var disk = Files.createDirectory(directory.resolve("disk"));
        assumeTrue(sh("mount -t tmpfs -o mode=700," + options + " tmpfs " + disk) == 0, "mounting is not allowed here");
        var environment = Map.of("BATON_RUNTIME_DIR", disk.toString());
        try (var app =
                Unmodified.start(directory, "=name=app", environment, List.of(), MoodyApp.class, mood.toString())) {
            await().atMost(LIMIT).until(() -> app.log().contains("runs without Baton"));
            assertThat(app.log()).contains(disk.toString(), reason);
            assertThat(app.answers()).isTrue();
        } finally {
            sh("umount " + disk);
        }
    }

    private static int sh(String script) throws Exception {
        return new ProcessBuilder("sh", "-c", script).inheritIO().start().waitFor();
    }

    @Test
    void shouldSayWhenTheControlSocketHasTooLongAName() throws Exception {
        var options = "=name=app,control-socket=" + directory.resolve("x".repeat(120) + ".sock");
        try (var app = Unmodified.start(directory, options, List.of(), MoodyApp.class, mood.toString())) {
            await().atMost(LIMIT).until(() -> app.log().contains("runs without Baton"));

            assertThat(app.log()).contains("where 107 are the most");
            assertThat(app.answers()).isTrue();
        }
    }
}

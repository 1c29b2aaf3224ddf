package dev.baton.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.load.Load;
import dev.baton.load.Mode;
import dev.baton.load.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that know nothing of Baton are restarted without their clients noticing. */
@Timeout(300)
class UnmodifiedIT {
    private static final int RESTARTS = 3;
    private static final Duration TAKEN = Duration.ofSeconds(1);

    @TempDir
    private Path directory;

    @Test
    void shouldLoseNoNewConnectionAndNoRequestInFlightInFiveRestartsBySignal() throws Exception {
        try (var app = Unmodified.start(directory, List.of(), HttpServerApp.class)) {
            var load = Load.on(app.address())
                    .newConnections(150)
                    .keepAlive(4, Duration.ofMillis(50))
                    .slow(2, Duration.ofMillis(50), Duration.ofSeconds(2))
                    .limit(Duration.ofSeconds(60))
                    .start();
            System.err.println("seed " + load.seed());
            for (int generation = 1; generation <= RESTARTS; generation++) {
                app.restartBySignal(generation);
            }
            var report = load.stop();

            // A request may cross the close of a silent connection: such a server does not announce it. A slow request
            // that
            // the server had taken is told from one that crossed by how long it was waited for.
            assertThat(report.failures())
                    .as(report::toTable)
                    .allMatch(failure -> failure.outcome() == Outcome.LOST_IN_CLOSE_RACE
                            && (failure.mode() == Mode.KEEP_ALIVE
                                    || failure.waited().compareTo(TAKEN) < 0));
            assertThat(report.answered()).isGreaterThan(1000);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"platform", "virtual"})
    void shouldLoseNothingWhereAThreadWaitsInAccept(String kind) throws Exception {
        try (var app = Unmodified.start(directory, List.of(), SocketApp.class, kind)) {
            var load = Load.on(app.address())
                    .newConnections(150)
                    .limit(Duration.ofSeconds(60))
                    .start();
            System.err.println("seed " + load.seed());
            for (int generation = 1; generation <= 3; generation++) {
                app.restartBySignal(generation);
            }
            var report = load.stop();

            assertThat(report.lost()).as(report::toTable).isZero();
        }
    }

    @Test
    void shouldServeOnWhenTheSuccessorFails() throws Exception {
        var failure = directory.resolve("fail");
        try (var app = Unmodified.start(directory, List.of(), SocketApp.class, "platform", failure.toString())) {
            var pid = app.awaitIncumbent(1).pid();
            Files.createFile(failure);

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).contains("exited with code 1");
            assertThat(app.answers()).isTrue();
            assertThat(app.awaitIncumbent(1).pid()).isEqualTo(pid);

            Files.delete(failure);
            assertThat(app.restart().ok()).isTrue();
            assertThat(app.answers()).isTrue();
        }
    }

    @Test
    void shouldGoBackToTheIncumbentWhenTheSuccessorIsKilledRightAfterTheSwitch() throws Exception {
        var options = "=name=app,control-socket=" + directory.resolve("app.sock") + ",watch=30";
        try (var app = Unmodified.start(directory, options, List.of(), HttpServerApp.class)) {
            var pid = app.awaitIncumbent(1).pid();
            var load = Load.on(app.address()).newConnections(50).start();
            System.err.println("seed " + load.seed());
            assertThat(new ProcessBuilder("kill", "-HUP", Long.toString(pid))
                            .start()
                            .waitFor())
                    .isZero();
            var watching = await().atMost(Duration.ofSeconds(60))
                    .until(
                            app::status,
                            status -> status != null && status.phase().equals("watching"));
            var successor = ProcessHandle.of(Objects.requireNonNull(
                            Objects.requireNonNull(watching).successorPid()))
                    .orElseThrow();
            var _ = successor.destroyForcibly();

            assertThat(app.awaitIncumbent(1).pid()).isEqualTo(pid);
            assertThat(app.answers()).isTrue();
            var report = load.stop();
            // What the successor had accepted when it was killed has died with it, and nothing else has.
            assertThat(report.failures())
                    .as(report::toTable)
                    .noneMatch(failure -> failure.outcome() == Outcome.REFUSED || failure.outcome() == Outcome.TIMEOUT);
        }
    }

    @Test
    void shouldSayNothingOfItsOwnWhereNativeAccessIsDenied() throws Exception {
        var quiet = directory.resolve("logging.properties");
        Files.writeString(quiet, "handlers=java.util.logging.ConsoleHandler\ndev.baton.level=WARNING\n");
        var options = List.of("-Djava.util.logging.config.file=" + quiet);
        try (var app = Unmodified.start(directory, options, HttpServerApp.class)) {
            app.restartBySignal(1);
            assertThat(app.answers()).isTrue();

            assertThat(app.log()).isEmpty();
        }
    }

    /** The launcher starts an agent that the manifest of an executable jar names: no option is needed at all. */
    @Test
    void shouldRestartAnExecutableJarThatCarriesTheAgent() throws Exception {
        var jar = directory.resolve("app.jar");
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, HttpServerApp.class.getName());
        manifest.getMainAttributes().putValue("Launcher-Agent-Class", "dev.baton.agent.Premain");
        manifest.getMainAttributes().putValue("Can-Retransform-Classes", "true");
        var classes = Path.of(HttpServerApp.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        try (var out = new JarOutputStream(Files.newOutputStream(jar), manifest);
                var agent = new JarFile(Objects.requireNonNull(System.getProperty("baton.agent")));
                var own = Files.newDirectoryStream(
                        classes.resolve(HttpServerApp.class.getPackageName().replace('.', '/')),
                        "HttpServerApp*.class")) {
            for (var entry : Collections.list(agent.entries())) {
                if (!entry.isDirectory() && !entry.getName().equals(JarFile.MANIFEST_NAME)) {
                    out.putNextEntry(new ZipEntry(entry.getName()));
                    agent.getInputStream(entry).transferTo(out);
                }
            }
            for (var file : own) {
                out.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
                Files.copy(file, out);
            }
        }
        try (var app = Unmodified.startJar(directory, jar)) {
            var load = Load.on(app.address()).newConnections(50).start();
            System.err.println("seed " + load.seed());
            app.restartBySignal(1);
            app.restartBySignal(2);
            var report = load.stop();

            assertThat(report.lost()).as(report::toTable).isZero();
            assertThat(app.log()).doesNotContain("WARNING");
        }
    }

    @Test
    void shouldLetTheApplicationStartWhenTheAgentCannotWork() throws Exception {
        var options = "=name=app,control-socket=/proc/nowhere/app.sock";
        try (var app = Unmodified.start(directory, options, List.of(), HttpServerApp.class)) {
            await().atMost(Duration.ofSeconds(30)).until(() -> app.log().contains("runs without Baton"));

            assertThat(app.answers()).isTrue();
            assertThat(app.log().lines().filter(line -> line.startsWith("baton: ")))
                    .hasSize(1);
        }
    }

    @Test
    void shouldLetTheApplicationStartWhenAnOptionIsWrong() throws Exception {
        try (var app = Unmodified.start(directory, "=colour=blue", List.of(), HttpServerApp.class)) {
            assertThat(app.answers()).isTrue();
            assertThat(app.log())
                    .startsWith("baton: this process runs without Baton")
                    .contains("colour=blue");
        }
    }

    @Test
    void shouldNotTakePartInAProgramThatIsNoServer() throws Exception {
        try (var app = Unmodified.start(directory, List.of(), Nothing.class)) {
            assertThat(app.process().waitFor()).isZero();
            assertThat(app.log()).doesNotContain("Exception");
        }
    }

    /** A program that ends at once. */
    static final class Nothing {
        private Nothing() {}

        public static void main(String[] arguments) {}
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.Baton;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code baton run} puts the agent into whatever runs a Java application, and reads everything anew for each generation. */
@Timeout(180)
class RunAnyCommandIT {
    private static final String JAVA = Supervised.JAVA.toString();

    @TempDir
    Path directory;

    private Path jar;
    private String port;

    @BeforeEach
    void build() throws Exception {
        jar = Files.copy(Supervised.jar(directory, "1"), directory.resolve("plain.jar"));
        port = Integer.toString(Supervised.freePort());
    }

    private String[] command(String form) throws Exception {
        return switch (form) {
            case "-cp" -> new String[] {JAVA, "-cp", "plain.jar", "plain.Server", port};
            case "-jar" -> new String[] {JAVA, "-jar", "plain.jar", port};
            case "--module" -> new String[] {JAVA, "-p", "plain.jar", "-m", "plain/plain.Server", port};
            case "@argfile" -> {
                Files.writeString(directory.resolve("app.args"), "-jar plain.jar " + port + "\n");
                yield new String[] {JAVA, "@app.args"};
            }
            default -> throw new IllegalArgumentException(form);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"-cp", "-jar", "--module", "@argfile"})
    void shouldRestartWithoutAFailedConnectionHoweverJavaIsCalled(String form) throws Exception {
        try (var plain = Supervised.start(directory, List.of(), command(form));
                var load = plain.load().start()) {
            assertThat(plain.restarted().toGeneration()).isEqualTo(2);

            Deployment.awaitAnswers(load, 50);
            assertThat(load.stop().lost()).isZero();
            assertThat(plain.log()).doesNotContain("Picked up");
        }
    }

    /** A script that asks for Java's version, runs another program before the application, and one that has a child. */
    @Test
    void shouldFindTheApplicationBehindAScript() throws Exception {
        var script = script("""
                "%1$s" -version
                "%1$s" -cp plain.jar plain.Server child
                exec "%1$s" -jar plain.jar %2$s with-a-child
                """);
        try (var plain = Supervised.start(directory, List.of(), script);
                var load = plain.load().start()) {
            assertThat(plain.restarted().toGeneration()).isEqualTo(2);

            Deployment.awaitAnswers(load, 50);
            assertThat(load.stop().lost()).isZero();
            assertThat(plain.log()).contains("child: 0").doesNotContain("runs without Baton");
        }
    }

    /** It stays between the supervisor and the application. */
    @Test
    void shouldFindTheApplicationBelowAScriptThatWaitsForIt() throws Exception {
        var script = script("""
                "%1$s" -jar plain.jar %2$s
                exit $?
                """);
        try (var plain = Supervised.start(directory, List.of(), script)) {
            assertThat(plain.restarted().toGeneration()).isEqualTo(2);
        }
    }

    @Test
    void shouldReadEverythingAnewForTheNextGeneration() throws Exception {
        Files.createDirectories(directory.resolve("releases/1"));
        Files.createDirectories(directory.resolve("releases/2"));
        Files.copy(jar, directory.resolve("releases/1/plain.jar"));
        Files.copy(Supervised.jar(directory, "2"), directory.resolve("releases/2/plain.jar"));
        var current = Files.createSymbolicLink(directory.resolve("current"), Path.of("releases/1"));
        Files.writeString(directory.resolve("environment"), "COLOUR=red\n");
        Files.writeString(directory.resolve("options"), "-Dcolour=blue\n");
        var options = List.of(
                "--directory",
                current.toString(),
                "--environment-file",
                directory.resolve("environment").toString(),
                "--options-file",
                directory.resolve("options").toString());
        try (var plain = Supervised.start(directory, options, JAVA, "-jar", "plain.jar", port)) {
            assertThat(plain.answer()).containsExactly("1", Long.toString(plain.pid()), "blue", "red");

            var next = Files.createSymbolicLink(directory.resolve("next"), Path.of("releases/2"));
            Files.move(next, current, StandardCopyOption.ATOMIC_MOVE);
            Files.writeString(directory.resolve("environment"), "COLOUR=green\n");
            Files.writeString(directory.resolve("options"), "-Dcolour=white\n");
            var _ = plain.restarted();

            assertThat(plain.answer()).containsExactly("2", Long.toString(plain.pid()), "white", "green");

            Files.copy(jar, directory.resolve("new.jar"));
            Files.move(directory.resolve("new.jar"), current.resolve("plain.jar"), StandardCopyOption.ATOMIC_MOVE);
            Files.delete(directory.resolve("options"));

            assertThat(plain.restart().reason())
                    .contains("the file of options cannot be read: " + directory.resolve("options"));

            Files.writeString(directory.resolve("options"), "\n");
            var _ = plain.restarted();
            assertThat(plain.answer()).containsExactly("1", Long.toString(plain.pid()), "null", "green");
        }
    }

    @Test
    void shouldBeginNothingWhenTheTestOfTheConfigurationFails() throws Exception {
        var broken = directory.resolve("broken");
        var options = List.of(
                "--check",
                "test ! -e broken || { for i in 1 2 3 4 5 6 7 8 9 10 11; do echo line $i; done; cat broken; exit 3; }",
                "--check-timeout",
                "2");
        try (var plain = Supervised.start(directory, options, JAVA, "-jar", "plain.jar", port)) {
            var pid = plain.pid();
            Files.writeString(broken, "port is no number\n");

            var outcome = plain.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason())
                    .contains("failed with exit code 3", "line 11", "port is no number")
                    .doesNotContain("line 1\n");
            assertThat(outcome.toPid()).isNull();
            assertThat(plain.pid()).isEqualTo(pid);

            Files.delete(broken);
            assertThat(plain.restarted().toGeneration()).isEqualTo(2);
        }
    }

    @Test
    void shouldNotWaitForATestOfTheConfigurationForEver() throws Exception {
        var options = List.of("--check", "test ! -e broken || sleep 600", "--check-timeout", "0.5");
        try (var plain = Supervised.start(directory, options, JAVA, "-jar", "plain.jar", port)) {
            Files.createFile(directory.resolve("broken"));

            assertThat(plain.restart().reason()).contains("has not ended after 0.5 s");
            assertThat(plain.answer()).contains("1");
        }
    }

    @Test
    void shouldSayWhichAgentIsMissing() throws Exception {
        var agent = directory.resolve("nowhere.jar");
        var log = directory.resolve("failed.log");
        var words = Supervised.words(directory, List.of("--agent", agent.toString()), JAVA, "-jar", "plain.jar", port);
        var process = Supervised.spawn(directory, log, java.util.Map.of(), words);
        try {
            assertThat(process.waitFor()).isEqualTo(1);
            assertThat(Files.readString(log))
                    .contains("the agent cannot be read: " + agent)
                    .contains("--no-agent");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void shouldTellTheAgentWhatConcernsIt() throws Exception {
        var options = List.of(
                "--ready-http",
                "/who",
                "--warm-up",
                "7",
                "--ready-line",
                "serves",
                "--move",
                "off",
                "--move-over",
                "500ms");
        try (var plain = Supervised.start(directory, options, JAVA, "-jar", "plain.jar", port)) {
            assertThat(plain.restart().ok()).isTrue();

            assertThat(Files.readString(Path.of("/proc/" + plain.status().pid() + "/cmdline")))
                    .contains(",move=off,move-over=0.5,ready-http=/who,warm-up=7,ready-line=serves");
        }
    }

    @Test
    void shouldSayThatTheAgentStandsBackWhereTheLibraryIsAndNobodyJoins() throws Exception {
        var library = Baton.class.getProtectionDomain().getCodeSource().getLocation();
        var classPath = "plain.jar:" + Path.of(library.toURI());
        var log = directory.resolve("failed.log");
        var words = Supervised.words(
                directory, List.of("--child-timeout", "2"), JAVA, "-cp", classPath, "plain.Server", port);
        var process = Supervised.spawn(directory, log, java.util.Map.of(), words);
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isNotZero();
            assertThat(Files.readString(log))
                    .contains(
                            "the agent stands back. If it does not call Baton.join, take the library off its class path")
                    .contains("it did not ask for the listeners in time");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    @Test
    void shouldRefuseAJavaThatIsTooOldForTheAgent() throws Exception {
        var old = Files.createDirectories(directory.resolve("jdk-17/bin")).resolve("java");
        Files.writeString(old, "#!/bin/sh\necho the old one runs\n");
        assertThat(old.toFile().setExecutable(true)).isTrue();
        Files.writeString(directory.resolve("jdk-17/release"), "JAVA_VERSION=\"17.0.15\"\n");
        var log = directory.resolve("failed.log");
        var words = Supervised.words(directory, List.of(), old.toString(), "-jar", "plain.jar", port);
        var process = Supervised.spawn(directory, log, java.util.Map.of(), words);
        try {
            assertThat(process.waitFor()).isEqualTo(1);
            assertThat(Files.readString(log))
                    .contains(old + " is Java 17.0.15, and the agent needs 25 or later")
                    .doesNotContain("the old one runs");
        } finally {
            process.destroyForcibly();
        }
    }

    private String script(String lines) throws Exception {
        var script = directory.resolve("start.sh");
        Files.writeString(script, "#!/bin/sh\n" + lines.formatted(JAVA, port));
        assertThat(script.toFile().setExecutable(true)).isTrue();
        return script.toString();
    }
}

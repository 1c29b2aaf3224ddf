package dev.baton.it;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The {@code ./baton} script, run by sh in a checkout that holds nothing but it. The JDKs are a release file and a
 * script called java that says what it was called with, Maven is a script too.
 */
@Timeout(60)
class LauncherScriptTest {
    private static final Path SCRIPT = Path.of("..", "baton");
    private static final int EX_UNAVAILABLE = 69;
    private static final int EX_SOFTWARE = 70;
    private static final int SIGTERM = 15;

    @TempDir
    Path temporary;

    private Path checkout;
    private Path bin;
    private Path jdks;
    private final Map<String, @Nullable String> environment = new HashMap<>();
    private final List<Run> runs = new ArrayList<>();

    @BeforeEach
    void makeACheckout() throws IOException {
        checkout = Files.createDirectories(temporary.resolve("a check out"));
        bin = Files.createDirectories(temporary.resolve("bin"));
        jdks = Files.createDirectories(temporary.resolve("some jdks"));
        Files.copy(SCRIPT, checkout.resolve("baton"));
        Files.createDirectories(checkout.resolve("baton-cli/src/main/java"));
        Files.createFile(checkout.resolve("baton-cli/pom.xml"));
        Files.createFile(checkout.resolve("pom.xml"));
        environment.put("BATON_JAVA_HOME", null);
        environment.put("BATON_JAVA_OPTS", null);
        environment.put("BATON_JDK_SEARCH", jdks + "/*");
        environment.put("PATH", bin + ":" + System.getenv("PATH"));
    }

    @AfterEach
    void endWhatStillRuns() {
        for (var run : runs) {
            run.process.descendants().forEach(ProcessHandle::destroyForcibly);
            run.process.destroyForcibly();
        }
    }

    @Nested
    class TheJdk {
        @Test
        void shouldBeTheLowestThatIsNewEnough() throws Exception {
            jdk("a", "27-ea");
            jdk("b", "17.0.15");
            var lowest = jdk("c", "25.0.3");
            jdk("d", "26.0.1");
            jdk("e", "1.8.0_402");

            var run = run("--find-jdk");

            assertThat(run.exitCode()).isZero();
            assertThat(run.out()).isEqualTo(lowest + "\n");
            assertThat(run.err()).isEmpty();
        }

        @Test
        void shouldHaveACompiler() throws Exception {
            Files.delete(jdk("a", "25").resolve("bin/javac"));
            var full = jdk("b", "26");

            assertThat(run("--find-jdk").out()).isEqualTo(full + "\n");
        }

        @Test
        void shouldBeLookedForInEveryPlaceNamed() throws Exception {
            environment.put("BATON_JDK_SEARCH", temporary.resolve("nowhere") + ":" + jdks.resolve("here"));
            var here = jdk("here", "25");
            jdk("elsewhere", "25");

            assertThat(run("--find-jdk").out()).isEqualTo(here + "\n");
        }

        @Test
        void shouldBeFoundThroughJavaHomeAndPath() throws Exception {
            environment.put("BATON_JDK_SEARCH", null);
            environment.put("HOME", temporary.toString());
            environment.put("JAVA_HOME", jdk("home", "25").toString());

            assertThat(run("--find-jdk").out()).isEqualTo(jdks.resolve("home") + "\n");

            environment.put("JAVA_HOME", null);
            Files.createSymbolicLink(bin.resolve("java"), jdks.resolve("home/bin/java"));

            assertThat(run("--find-jdk").out()).isEqualTo(jdks.resolve("home") + "\n");
        }

        @Test
        void shouldBeTheOneOfBatonJavaHomeWhereThatIsSet() throws Exception {
            jdk("a", "25");
            var chosen = jdk("b", "26");
            environment.put("BATON_JAVA_HOME", chosen.toString());

            assertThat(run("--find-jdk").out()).isEqualTo(chosen + "\n");
        }

        @Test
        void shouldNotBeAnotherThanBatonJavaHomeWhenThatIsTooOld() throws Exception {
            jdk("a", "25");
            environment.put("BATON_JAVA_HOME", jdk("b", "17.0.15").toString());

            var run = run("--find-jdk");

            assertThat(run.exitCode()).isEqualTo(EX_UNAVAILABLE);
            assertThat(run.out()).isEmpty();
            assertThat(run.err()).hasLineCount(1).contains("BATON_JAVA_HOME=" + jdks.resolve("b"), "17.0.15");
        }

        @Test
        void shouldBeAskedForInOneLineWhenThereIsNone() throws Exception {
            jdk("a", "17.0.15");
            Files.createDirectories(jdks.resolve("not a jdk/bin"));

            for (var command : List.of("--find-jdk", "--format-check", "help")) {
                var run = run(command);

                assertThat(run.exitCode()).isEqualTo(EX_UNAVAILABLE);
                assertThat(run.out()).isEmpty();
                assertThat(run.err())
                        .hasLineCount(1)
                        .startsWith("baton: no JDK 25 or later")
                        .contains(jdks + "/*", "17.0.15 in " + jdks.resolve("a"))
                        .contains("temurin-25-jdk", "openjdk-25-jdk", "sdk install");
            }
        }
    }

    @Nested
    class TheCommand {
        @BeforeEach
        void haveAJdkAndABuild() throws IOException {
            jdk("a", "25");
            maven("");
        }

        @Test
        void shouldReachJavaWordForWord() throws Exception {
            var run = run("restart", "two words", "*", "");

            assertThat(run.exitCode()).isZero();
            assertThat(run.arguments()).endsWith("dev.baton.cli.Main", "restart", "two words", "*", "");
            assertThat(run.arguments()).contains(checkout.resolve("baton-cli/target/app/baton-cli.jar") + "");
        }

        @Test
        void shouldRunInTheProcessThatWasStarted() throws Exception {
            var run = run("hello");

            assertThat(run.out()).startsWith("pid " + run.process.pid() + "\n");
        }

        @Test
        void shouldRunThroughASymbolicLinkFromAnotherDirectory() throws Exception {
            Files.createSymbolicLink(bin.resolve("baton"), checkout.resolve("baton"));

            var run = start(bin.resolve("baton"), "help").awaitExit();

            assertThat(run.arguments()).contains(checkout.resolve("baton-cli/target/app/baton-cli.jar") + "");
        }

        @Test
        void shouldStartFastWhenItIsShortAndFreelyWhenItServes() throws Exception {
            assertThat(run("status").arguments()).contains("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");
            assertThat(run("hello").arguments()).noneMatch(argument -> argument.startsWith("-XX:"));
            assertThat(run("run").arguments()).contains("-XX:+UseSerialGC", "-Xmx32m");
        }

        @Test
        void shouldHaveTheComparisonBesideItWhenThatIsAskedFor() throws Exception {
            maven("mkdir -p ../../baton-benchmarks/target && touch ../../baton-benchmarks/target/baton-benchmarks.jar");

            var run = run("compare", "--short");

            assertThat(run.exitCode()).isZero();
            assertThat(run.arguments())
                    .containsSubsequence(
                            "-Dbaton.checkout=" + checkout,
                            checkout.resolve("baton-cli/target/app/baton-cli.jar") + ":"
                                    + checkout.resolve("baton-benchmarks/target/baton-benchmarks.jar"),
                            "dev.baton.benchmarks.Compare",
                            "--short")
                    .noneMatch(argument -> argument.startsWith("-XX:"));
            assertThat(run("compare", "--short").err()).isEmpty();
        }

        @Test
        void shouldTakeMoreOptionsFromTheEnvironment() throws Exception {
            environment.put("BATON_JAVA_OPTS", "-Xmx64m -Dcolour=blue");

            assertThat(run("hello").arguments()).containsSubsequence("-Xmx64m", "-Dcolour=blue", "dev.baton.cli.Main");
        }
    }

    @Nested
    class TheBuild {
        @BeforeEach
        void haveAJdk() throws IOException {
            jdk("a", "25");
        }

        @Test
        void shouldRunOnceUntilASourceIsYounger() throws Exception {
            maven("");

            assertThat(run("help").err()).startsWith("baton: building");
            assertThat(run("help").err()).isEmpty();
            assertThat(builds()).isEqualTo(1);

            var source = Files.createFile(checkout.resolve("baton-cli/src/main/java/New.java"));
            Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(1)));

            assertThat(run("help").exitCode()).isZero();
            assertThat(builds()).isEqualTo(2);
        }

        @Test
        void shouldNotBeRepeatedAfterOneByHand() throws Exception {
            maven("");
            Files.createDirectories(checkout.resolve("baton-cli/target/lib"));
            Files.createFile(checkout.resolve("baton-cli/target/lib/some.jar"));
            Files.createFile(checkout.resolve("baton-cli/target/baton-cli.jar"));

            assertThat(run("help").exitCode()).isZero();
            assertThat(builds()).isZero();
        }

        @Test
        void shouldLeaveTheJarsOfARunningGenerationAlone() throws Exception {
            maven("");
            assertThat(run("help").exitCode()).isZero();
            var app = checkout.resolve("baton-cli/target/app");
            try (var running = Files.newInputStream(app.resolve("baton-cli.jar"))) {
                Files.setLastModifiedTime(
                        checkout.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(1)));
                assertThat(run("help").exitCode()).isZero();

                assertThat(running).hasContent("build 1\n");
                assertThat(app.resolve("baton-cli.jar")).hasContent("build 2\n");
            }
        }

        @Test
        void shouldKeepACopyAsLongAsSomebodyRunsFromIt() throws Exception {
            maven("");
            var app = checkout.resolve("baton-cli/target/app");
            assertThat(run("help").exitCode()).isZero();
            var first = app.toRealPath();
            assertThat(run("help").exitCode()).isZero();
            assertThat(app.toRealPath()).as("what nobody has built anew").isEqualTo(first);

            try (var _ = Files.newInputStream(first.resolve("baton-cli.jar"))) {
                buildAnew(2);
                buildAnew(3);
                buildAnew(4);
                assertThat(first.resolve("lib/some.jar")).exists();
            }
            var before = app.toRealPath();
            buildAnew(5);

            assertThat(first).doesNotExist();
            assertThat(before).exists();
        }

        private void buildAnew(int build) throws Exception {
            Files.setLastModifiedTime(
                    checkout.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(1)));
            assertThat(run("help").exitCode()).isZero();
            assertThat(checkout.resolve("baton-cli/target/app/baton-cli.jar")).hasContent("build " + build + "\n");
        }

        @Test
        void shouldBeSharedByTwoFirstRunsAtOnce() throws Exception {
            var gate = gate();
            maven("read -r _ <'" + gate + "'");

            var first = start("help");
            await().until(() -> builds() == 1);
            var second = start("help");
            await().until(() -> second.err().contains("another run is building"));
            open(gate);

            assertThat(first.awaitExit().exitCode()).isZero();
            assertThat(second.awaitExit().exitCode()).isZero();
            assertThat(builds()).isEqualTo(1);
        }

        @Test
        void shouldLeaveNothingHalfMadeWhenItIsInterrupted() throws Exception {
            maven("read -r _ <'" + gate() + "'");

            var run = start("help");
            await().until(() -> builds() == 1);
            run.process.destroy();

            assertThat(run.awaitExit().exitCode()).isEqualTo(128 + SIGTERM);
            assertThat(run.process.descendants()).isEmpty();
            assertThat(checkout.resolve("baton-cli/target/app")).doesNotExist();
            assertThat(checkout.resolve("baton-cli/target/baton-cli.jar")).doesNotExist();
        }

        @Test
        void shouldShowItsErrorsWhenItFails() throws Exception {
            maven("echo '[INFO] much'; echo '[ERROR] Main.java:[3,7] cannot find symbol'; exit 1");

            var run = run("help");

            assertThat(run.exitCode()).isEqualTo(EX_SOFTWARE);
            assertThat(run.out()).isEmpty();
            assertThat(run.err())
                    .contains("Main.java:[3,7] cannot find symbol", checkout.resolve("baton-cli/target/build.log") + "")
                    .doesNotContain("much");
        }

        @Test
        void shouldAskForMavenInOneLineWhenThereIsNone() throws Exception {
            for (var tool : List.of("readlink", "find", "head", "mkdir", "touch", "rm", "flock")) {
                executable(bin.resolve(tool), "exec " + which(tool) + " \"$@\"");
            }
            environment.put("PATH", bin.toString());

            var run = run("help");

            assertThat(run.exitCode()).isEqualTo(EX_UNAVAILABLE);
            assertThat(run.err()).hasLineCount(1).contains("no mvn on PATH", "apt install maven");
        }
    }

    /** A home with a java that prints its pid and its arguments, one a line. */
    private Path jdk(String name, String version) throws IOException {
        var home = jdks.resolve(name);
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(
                home.resolve("release"),
                "IMPLEMENTOR=\"Nobody\"\nJAVA_RUNTIME_VERSION=\"99\"\nJAVA_VERSION=\"" + version + "\"\n");
        executable(home.resolve("bin/java"), "echo \"pid $$\"; printf '%s\\n' \"$@\"");
        executable(home.resolve("bin/javac"), "exit 1");
        return home;
    }

    /** A Maven that leaves the jars of a build behind and then does what is asked for. */
    private void maven(String then) throws IOException {
        executable(bin.resolve("mvn"), """
                cd '%s/baton-cli/target' && mkdir -p lib && touch lib/some.jar || exit 1
                echo '[INFO] Building baton-cli 1-SNAPSHOT            [1/1]'
                echo x >>'%s/builds'
                echo "build $(grep -c x '%<s/builds')" >baton-cli.jar
                %s
                """.formatted(checkout, temporary, then).replace("%<s", temporary.toString()));
    }

    private long builds() throws IOException {
        var builds = temporary.resolve("builds");
        return Files.exists(builds) ? Files.readAllLines(builds).size() : 0;
    }

    /** A named pipe: who reads from it stands still until it is opened. */
    private Path gate() throws Exception {
        var gate = temporary.resolve("gate");
        assertThat(new ProcessBuilder("mkfifo", gate.toString()).start().waitFor())
                .isZero();
        return gate;
    }

    private static void open(Path gate) throws IOException {
        Files.writeString(gate, "go on\n");
    }

    private static Path which(String tool) {
        return List.of("/usr/bin", "/bin", "/usr/local/bin").stream()
                .map(directory -> Path.of(directory, tool))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow();
    }

    private static void executable(Path path, String script) throws IOException {
        Files.writeString(path, "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Run run(String... command) throws Exception {
        return start(command).awaitExit();
    }

    private Run start(String... command) throws IOException {
        return start(checkout.resolve("baton"), command);
    }

    private Run start(Path script, String... command) throws IOException {
        var words = new ArrayList<>(List.of("sh", script.toString()));
        words.addAll(List.of(command));
        var out = Files.createTempFile(temporary, "out", "");
        var err = Files.createTempFile(temporary, "err", "");
        var builder = new ProcessBuilder(words)
                .directory(temporary.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        environment.forEach((key, value) -> {
            if (value == null) {
                builder.environment().remove(key);
            } else {
                builder.environment().put(key, value);
            }
        });
        var run = new Run(builder.start(), out, err);
        runs.add(run);
        return run;
    }

    private record Run(Process process, Path outFile, Path errFile) {
        Run awaitExit() throws InterruptedException {
            assertThat(process.waitFor(30, SECONDS)).as("it ends").isTrue();
            return this;
        }

        int exitCode() {
            return process.exitValue();
        }

        String out() throws IOException {
            return Files.readString(outFile);
        }

        String err() throws IOException {
            return Files.readString(errFile);
        }

        List<String> arguments() throws IOException {
            return out().lines().skip(1).toList();
        }
    }
}

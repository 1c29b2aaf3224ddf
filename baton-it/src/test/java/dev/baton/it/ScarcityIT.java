package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.launch.ProcessStatus;
import dev.baton.linux.User;
import dev.baton.load.ScriptedClient;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a handover needs and does not get: descriptors, programs, room on a disk, readable files. */
@Timeout(120)
class ScarcityIT {
    private static final int MOST_DESCRIPTORS = 120;
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    Path directory;

    @Test
    void shouldRecoverFromHavingNoDescriptorLeft() throws Exception {
        try (var app = Site.in(directory)
                .behind("prlimit", "--nofile=" + MOST_DESCRIPTORS + ":" + MOST_DESCRIPTORS)
                .start()) {
            var incumbent = app.pid();
            var address = app.address();
            Site.assertAnsweredBy(incumbent, address);
            var clients = new ArrayList<ScriptedClient>();
            try {
                // More than it can accept; those it can't wait in the kernel.
                for (int i = 0; i < MOST_DESCRIPTORS; i++) {
                    clients.add(ScriptedClient.connect(address).within(LIMIT));
                }
                await().atMost(LIMIT)
                        .until(() -> ProcessStatus.of(incumbent).descriptors().orElseThrow() == MOST_DESCRIPTORS);

                Deployment.signal("HUP", incumbent);

                app.awaitLog("still serving from pid " + incumbent);
                assertThat(app.log()).containsIgnoringCase("too many open files");

                // Whoever was accepted is answered; as they leave, those who waited come in.
                for (var client : clients) {
                    client.get("/").expectAnswer(200);
                    client.close();
                }
            } finally {
                for (var client : clients) {
                    client.close();
                }
            }
            await().atMost(LIMIT).ignoreExceptions().untilAsserted(() -> app.assertServesOn(incumbent));

            app.restarted();
            assertThat(app.status().generation()).isEqualTo(2);
            assertThat(app.log()).doesNotContain("NoClassDefFoundError");
        }
    }

    @Test
    void shouldStartTheSameJavaWhenTheLinkToItIsGone() throws Exception {
        var java = Files.createSymbolicLink(directory.resolve("java"), Site.JAVA);
        try (var app = Site.in(directory).java(java).start();
                var load = app.load().start()) {
            Files.delete(java);

            app.restarted();

            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldServeOnWhenTheDirectoryIsGone() throws Exception {
        var release = Files.createDirectory(directory.resolve("release"));
        try (var app = Site.in(directory).workingDirectory(release).start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            Files.delete(release);

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).contains("cannot start", "in " + release, "no such directory");
            Site.assertNothingLost(load);
            app.assertServesOn(incumbent);

            Files.createDirectory(release);
            app.restarted();
        }
    }

    @Test
    void shouldServeOnWhenTheJarsAreGone() throws Exception {
        var lib = Files.createDirectory(directory.resolve("lib"));
        var main = Class.forName("dev.baton.cli.Main", false, getClass().getClassLoader());
        var copy = Site.copyOfThePlaceOf(main, lib);
        var original =
                Path.of(main.getProtectionDomain().getCodeSource().getLocation().toURI());
        var classPath = copy
                + File.pathSeparator
                + Arrays.stream(Site.CLASS_PATH.split(File.pathSeparator))
                        .filter(entry -> !Path.of(entry).toAbsolutePath().equals(original))
                        .collect(Collectors.joining(File.pathSeparator));
        try (var app = Site.in(directory).classPath(classPath).start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            Deployment.awaitAnswers(load, 100);
            var away = Files.move(lib, directory.resolve("lib.away"));

            var outcome = app.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(outcome.reason()).isEqualTo("it exited with code 1 before it asked for the listeners");
            assertThat(app.log()).contains("Could not find or load main class dev.baton.cli.Main");
            Site.assertNothingLost(load);
            app.assertServesOn(incumbent);
            Files.move(away, lib);
        }
    }

    @Test
    void shouldNameFileAndLineOfABrokenEnvironmentFile() throws Exception {
        var file = Files.writeString(directory.resolve("environment"), "A=1\n");
        try (var app = Site.in(directory)
                        .argument("--environment-file", file.toString())
                        .start();
                var load = app.load().start()) {
            var incumbent = app.pid();

            Files.writeString(file, "A=1\n\nthis is no assignment\n");
            assertThat(app.restart().reason()).contains(file + ", line 3", "KEY=VALUE");

            Files.writeString(file, "A=\"never closed\n");
            assertThat(app.restart().reason()).contains(file + ", line 1", "closing \"");

            Files.delete(file);
            assertThat(app.restart().reason()).contains(file + ": no such file");

            Files.createDirectory(file);
            assertThat(app.restart().reason()).contains(file + ": is a directory");

            Site.assertNothingLost(load);
            app.assertServesOn(incumbent);
            Files.delete(file);
            Files.writeString(file, "A=2\n");
            app.restarted();
        }
    }

    @Test
    void shouldKeepThePidFileTrueOnAFullDisk() throws Exception {
        assumeTrue(User.id() == 0, "only root can mount a disk this small");
        var disk = Files.createDirectory(directory.resolve("disk"));
        assumeTrue(sh("mount -t tmpfs -o size=16k tmpfs " + disk) == 0, "mounting is not allowed here");
        try (var app = Site.in(directory)
                        .argument("--pid-file", disk.resolve("pid").toString())
                        .start();
                var load = app.load().start()) {
            assertThat(disk.resolve("pid")).hasContent(app.pid() + "\n");
            sh("head -c 1M /dev/zero > " + disk.resolve("filler"));

            app.restarted();

            assertThat(disk.resolve("pid")).hasContent(app.pid() + "\n");
            Site.assertNothingLost(load);
        } finally {
            sh("umount " + disk);
        }
    }

    @ParameterizedTest(name = "on a disk mounted {0}")
    @CsvSource({
        "ro,         it is on a file system mounted read-only; set BATON_RUNTIME_DIR to a writable place",
        "nr_inodes=1, 'ENOSPC, no space left'"
    })
    void shouldSayThatTheControlSocketHasNoPlace(String options, String reason) throws Exception {
        assumeTrue(User.id() == 0, "only root can mount such a disk");
        var disk = Files.createDirectory(directory.resolve("disk"));
        assumeTrue(sh("mount -t tmpfs -o mode=700," + options + " tmpfs " + disk) == 0, "mounting is not allowed here");
        try {
            var hello = Site.in(directory).byName().environment("BATON_RUNTIME_DIR", disk.toString());
            assertThat(hello.fail()).satisfies(refused -> {
                assertThat(refused.exitCode()).isEqualTo(1);
                assertThat(refused.err()).hasLineCount(1).contains(disk.toString(), reason);
            });
            var run = Site.in(directory)
                    .behind(Site.batonCommand("run", "--name", "hello", "--").toArray(String[]::new))
                    .environment("BATON_RUNTIME_DIR", disk.toString());
            Files.delete(directory.resolve("failed.log"));
            assertThat(run.fail()).satisfies(refused -> {
                assertThat(refused.exitCode()).isEqualTo(1);
                assertThat(refused.err()).hasLineCount(1).contains(disk.toString(), reason);
            });
        } finally {
            sh("umount " + disk);
        }
    }

    @Test
    void shouldHandOverAndSayWhoServesWhenThePidFileCannotBeWritten() throws Exception {
        var gone = Files.createDirectory(directory.resolve("gone"));
        var file = gone.resolve("pid");
        try (var app = Site.in(directory)
                        .argument("--pid-file", file.toString())
                        .start();
                var load = app.load().start()) {
            Files.delete(file);
            Files.delete(gone);

            app.restarted();

            assertThat(app.log())
                    .contains("cannot write pid " + app.pid() + " to the pid file " + file
                            + ": no such file or directory")
                    .contains("the file does not name this process, pid " + app.pid() + ", which serves");
            Site.assertNothingLost(load);
        }
    }

    private static int sh(String script) throws Exception {
        return new ProcessBuilder("sh", "-c", script).inheritIO().start().waitFor();
    }
}

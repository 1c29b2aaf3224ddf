package dev.baton.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The successor is started as the operator would start it now: whatever changed on disk is followed. */
@Timeout(120)
class LaunchIT {
    @TempDir
    Path directory;

    @BeforeEach
    void noVariables() throws IOException {
        Files.createFile(directory.resolve("environment"));
    }

    @Test
    void shouldFollowALinkThatMovedToAnotherRelease() throws Exception {
        release("one");
        release("two");
        var current = Files.createSymbolicLink(directory.resolve("current"), directory.resolve("one"));
        try (var shop = Site.in(directory)
                .workingDirectory(current)
                .classPath("classes:" + Site.CLASS_PATH)
                .main(Shop.class)
                .argument(directory.toString())
                .start()) {
            assertThat(greeting(shop.address())).endsWith("|one");

            var next = Files.createSymbolicLink(directory.resolve("next"), directory.resolve("two"));
            Files.move(next, current, StandardCopyOption.ATOMIC_MOVE);
            delete(directory.resolve("one"));
            var address = shop.address();
            shop.restarted();

            assertThat(greeting(shop.address())).endsWith("|two");
            assertThat(shop.address()).isEqualTo(address);
            assertThat(Files.readSymbolicLink(Path.of("/proc/" + shop.pid() + "/cwd")))
                    .isEqualTo(directory.resolve("two").toRealPath());

            // And the one after it goes on from the link, not from what it led to.
            release("three");
            Files.createSymbolicLink(next, directory.resolve("three"));
            Files.move(next, current, StandardCopyOption.ATOMIC_MOVE);
            shop.restarted();
            assertThat(greeting(shop.address())).endsWith("|three");
        }
    }

    @Test
    void shouldReadTheEnvironmentFileAnewAndKeepEveryArgumentAsItIs() throws Exception {
        Files.writeString(directory.resolve("shop.properties"), "listener.http=127.0.0.1:0");
        try (var shop = Site.in(directory)
                .classPath(".:" + Site.CLASS_PATH)
                .main(Shop.class)
                .argument(directory.toString(), "two words", "", "a'b\"c$d", "*", "größe")
                .environment("GREETING", "good morning")
                .environment("LC_ALL", "C.UTF-8")
                .start()) {
            var morning = greeting(shop.address());
            assertThat(morning).isEqualTo("good morning|" + directory + "|two words||a'b\"c$d|*|größe|none");

            Files.writeString(directory.resolve("environment"), "GREETING=\"good evening\"\n");
            shop.restarted();

            assertThat(greeting(shop.address())).isEqualTo(morning.replace("morning", "evening"));
        }
    }

    @Test
    void shouldSayWhenSighupIsIgnoredAndRestartAllTheSame() throws Exception {
        try (var app = Site.in(directory).behind("nohup").byName().start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            assertThat(app.log())
                    .contains("SIGHUP will never arrive: it was ignored when this process was started")
                    .contains("restart it with: baton restart " + app.controlSocket());

            Deployment.signal("HUP", incumbent);
            var restart = Site.baton(directory, "restart", "hello");

            assertThat(restart.exitCode()).as(restart.err()).isZero();
            assertThat(app.pid()).isNotEqualTo(incumbent);
            assertThat(app.status().generation()).isEqualTo(2);
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldRestartAJvmThatKeepsItsSignals() throws Exception {
        try (var app = Site.in(directory).option("-Xrs").start();
                var load = app.load().start()) {
            assertThat(app.log())
                    .contains("SIGHUP cannot be handled and ends this process at once")
                    .contains("SIGTERM cannot be handled and ends this process at once")
                    .contains("-Xrs");

            app.restarted();

            Site.assertNothingLost(load);
            // SIGTERM would not drain; the control socket does.
            Site.stop(app.controlSocket());
        }
    }

    @Test
    void shouldAcceptASuccessorStartedByAWrapperThatStaysItsParent() throws Exception {
        var java = Files.createSymbolicLink(directory.resolve("java"), Site.JAVA);
        try (var app = Site.in(directory).java(java).start();
                var load = app.load().start()) {
            Files.delete(java);
            Files.writeString(java, "#!/bin/sh\n'" + Site.JAVA + "' \"$@\"\nexit $?\n");
            Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));

            var outcome = app.restarted();

            var successor = app.pid();
            assertThat(outcome.toPid()).isEqualTo(successor);
            assertThat(ProcessHandle.of(successor).flatMap(ProcessHandle::parent))
                    .hasValueSatisfying(parent -> assertThat(parent.info().command())
                            .hasValueSatisfying(c -> assertThat(c).doesNotContain("java")));
            app.restarted();
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldServeOnWhenAWrappersJavaDies() throws Exception {
        var java = Files.createSymbolicLink(directory.resolve("java"), Site.JAVA);
        try (var app = Site.in(directory).java(java).start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            Files.delete(java);
            Files.writeString(java, "#!/bin/sh\nfalse\nexit 7\n");
            Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));

            var outcome = app.restart();

            assertThat(outcome.reason()).isEqualTo("it exited with code 7 before it asked for the listeners");
            await().atMost(Duration.ofSeconds(30)).until(() -> app.status().phase(), "idle"::equals);
            app.assertServesOn(incumbent);
            Site.assertNothingLost(load);
        }
    }

    private void release(String name) throws IOException {
        var classes = Files.createDirectories(directory.resolve(name).resolve("classes"));
        Files.writeString(classes.resolve("shop.properties"), "listener.http=127.0.0.1:0\nrelease=" + name);
    }

    private static void delete(Path tree) throws IOException {
        try (var files = Files.walk(tree)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static String greeting(InetSocketAddress address) throws IOException {
        try (var client = ScriptedClient.connect(address)) {
            var bytes = client.get("/").expectAnswer(200).body().getBytes(ISO_8859_1);
            return new String(bytes, UTF_8);
        }
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a service manager is told, and gives. */
@Timeout(180)
class SystemdIT {
    private static final Path ACTIVATE = Path.of("/usr/bin/systemd-socket-activate");

    @TempDir
    Path directory;

    private NotifySocket manager;
    private Path socket;

    @BeforeEach
    void listen() throws Throwable {
        socket = directory.resolve("notify");
        manager = NotifySocket.at(socket);
    }

    @AfterEach
    void close() throws Exception {
        manager.close();
    }

    @Test
    void shouldHearFromTheSupervisorHowThingsStand() throws Exception {
        var environment = directory.resolve("environment");
        Files.createFile(environment);
        try (var hello = Site.in(directory)
                .behind(run("--environment-file", environment.toString()))
                .environment("NOTIFY_SOCKET", socket.toString())
                .environment("WATCHDOG_USEC", "400000")
                .start()) {
            var _ = manager.awaitAndForget("READY=1\nSTATUS=generation 1, pid " + hello.pid() + ", serves");
            assertThat(environmentOf(hello.pid())).doesNotContain("NOTIFY_SOCKET", "WATCHDOG_USEC");

            var before = System.nanoTime() / 1000;
            var _ = hello.restarted();
            var reload = manager.awaitAndForget("READY=1\nSTATUS=generation 2, pid " + hello.pid() + ", serves");
            var reloading = reload.stream()
                    .filter(words -> words.startsWith("RELOADING=1\nMONOTONIC_USEC="))
                    .toList();
            assertThat(reloading).hasSize(1);
            assertThat(Long.parseLong(
                            reloading.getFirst().lines().toList().get(1).substring(15)))
                    .isBetween(before, System.nanoTime() / 1000);

            Files.writeString(environment, "this is no variable\n");
            assertThat(hello.restart().ok()).isFalse();
            assertThat(manager.awaitAndForget("; still serving from pid " + hello.pid()))
                    .anyMatch(words -> words.startsWith("RELOADING=1"))
                    .anyMatch(words -> words.startsWith("READY=1"));

            var _ = manager.awaitAndForget("WATCHDOG=1");
            var _ = manager.awaitAndForget("WATCHDOG=1");
            hello.process().destroy();
            var _ = manager.awaitAndForget("STOPPING=1");
        }
    }

    /** Where there is no supervisor, the process to watch is another one after each restart. */
    @Test
    void shouldHearWhoseTheServiceIsWhenAnApplicationSucceedsItself() throws Exception {
        try (var hello = Site.in(directory)
                .environment("NOTIFY_SOCKET", socket.toString())
                .environment("WATCHDOG_USEC", "400000")
                .start()) {
            var first = hello.pid();
            var _ = manager.awaitAndForget("MAINPID=" + first + "\nREADY=1");

            var _ = hello.restarted();

            assertThat(hello.pid()).isNotEqualTo(first);
            var heard = manager.awaitAndForget("MAINPID=" + hello.pid() + "\nREADY=1");
            assertThat(heard).anyMatch(words -> words.startsWith("RELOADING=1\nMONOTONIC_USEC="));
            var _ = manager.awaitAndForget("WATCHDOG=1");
        }
        assertThat(manager.heard()).anyMatch(words -> words.startsWith("STOPPING=1"));
    }

    @Test
    void shouldGiveAnUnmodifiedServerItsSocket() throws Exception {
        requireSocketActivate();
        var port = Integer.toString(Supervised.freePort());
        Files.copy(Supervised.jar(directory, "1"), directory.resolve("plain.jar"));
        var words = activated(port, List.of());
        words.addAll(Supervised.words(directory, List.of(), Supervised.JAVA.toString(), "-jar", "plain.jar", port));
        // The first connection starts the service, and is answered by it.
        var knocking = Deployment.later(() -> knock(port));
        try (var plain = Supervised.start(directory, Map.of(), words)) {
            assertThat(knocking.get()).isEqualTo(200);
            try (var load = plain.load().start()) {
                var killed = plain.pid();
                assertThat(plain.restarted().toGeneration()).isEqualTo(2);
                Deployment.awaitAnswers(load, 50);
                assertThat(load.stop().lost()).isZero();
                assertThat(plain.pid()).isNotEqualTo(killed);
            }
            assertThat(plain.status().listeners()).extracting(one -> one.addr()).containsExactly("127.0.0.1:" + port);
            assertThat(environmentOf(plain.pid())).doesNotContain("LISTEN_FDS");
        }
    }

    @Test
    void shouldGiveAnApplicationWithTheLibraryTheSocketOfItsName() throws Exception {
        requireSocketActivate();
        var port = Integer.toString(Supervised.freePort());
        var words = activated(port, List.of("--fdname=main"));
        words.addAll(List.of(run("--no-agent")));
        var knocking = Deployment.later(() -> knock(port));
        try (var hello = Site.in(directory)
                .behind(words.toArray(String[]::new))
                .address("127.0.0.1:" + port)
                .start()) {
            assertThat(knocking.get()).isEqualTo(200);
            assertThat(hello.restarted().toGeneration()).isEqualTo(2);
        }
    }

    private int knock(String port) throws Exception {
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(port));
        await().until(() -> {
            try (var client = new Socket()) {
                client.connect(address);
                return true;
            } catch (IOException e) {
                return false;
            }
        });
        try (var client = ScriptedClient.connect(address).within(Duration.ofSeconds(60))) {
            return client.get("/").expectAnswer(200).status();
        }
    }

    private static List<String> activated(String port, List<String> options) {
        var words = new ArrayList<String>();
        words.add(ACTIVATE.toString());
        words.addAll(List.of("--listen=127.0.0.1:" + port, "--setenv=BATON_RUNTIME_DIR", "--setenv=BATON_IT"));
        words.addAll(options);
        return words;
    }

    /** It comes with systemd. CI installs it; elsewhere the test is not worth an installation. */
    private static void requireSocketActivate() {
        if (Boolean.getBoolean("baton.ci")) {
            assertThat(ACTIVATE).as("apt install systemd").exists();
        }
        assumeTrue(Files.exists(ACTIVATE), ACTIVATE + " is not installed (apt install systemd)");
    }

    private static String environmentOf(long pid) throws Exception {
        return Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
    }

    private String[] run(String... options) {
        var command = new ArrayList<>(Site.batonCommand(
                "run", "--control-socket", directory.resolve("hello.sock").toString(), "--name", "hello"));
        command.addAll(List.of("--watch", "0.3"));
        command.addAll(List.of(options));
        command.add("--");
        return command.toArray(String[]::new);
    }
}

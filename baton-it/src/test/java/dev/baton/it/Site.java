package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.BatonConfig;
import dev.baton.control.ControlClient;
import dev.baton.control.Message;
import dev.baton.load.Load;
import dev.baton.load.Report;
import dev.baton.load.ScriptedClient;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/**
 * {@code baton hello}, or another main class, in a directory of its own, started the way an operator might: by any command
 * line, in any directory, behind any wrapper. Closing it ends it and checks that no process is left.
 *
 * <p>Where {@link Deployment} asks how successors fail, this asks in which surroundings they are started.
 */
final class Site implements AutoCloseable {
    static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    static final String CLASS_PATH = Archive.CLASS_PATH;
    static final List<String> OPTIONS = Stream.concat(
                    Archive.OPTIONS.stream(),
                    Stream.of(
                            "--enable-native-access=ALL-UNNAMED",
                            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                            "-XX:+UseSerialGC",
                            "-XX:TieredStopAtLevel=1",
                            "-Xmx128m"))
            .toList();

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration POLL = Duration.ofMillis(20);

    static {
        Awaitility.setDefaultTimeout(LIMIT);
        Awaitility.setDefaultPollInterval(POLL);
    }

    private final Path directory;
    private final Process process;

    private Site(Path directory, Process process) {
        this.directory = directory;
        this.process = process;
    }

    /** What a program that has ended said. */
    record Ended(int exitCode, String out, String err) {}

    static Builder in(Path directory) {
        return new Builder(directory);
    }

    /** How to start it; everything has a default. */
    static final class Builder {
        private final Path directory;
        private final List<String> before = new ArrayList<>();
        private final List<String> options = new ArrayList<>(OPTIONS);
        private final List<String> arguments = new ArrayList<>();
        private final Map<String, String> environment = new TreeMap<>();
        private String java = JAVA.toString();
        private String classPath = CLASS_PATH;
        private String main = "dev.baton.cli.Main";
        private String address = "127.0.0.1:0";
        private Path workingDirectory;
        private boolean explicitSocket = true;

        private Builder(Path directory) {
            this.directory = directory;
            this.workingDirectory = directory;
            environment.put("BATON_RUNTIME_DIR", directory.resolve("run").toString());
        }

        /** Words before java: {@code prlimit --nofile=64}. */
        Builder behind(String... words) {
            before.addAll(List.of(words));
            return this;
        }

        Builder java(Path value) {
            java = value.toString();
            return this;
        }

        Builder option(String value) {
            options.add(value);
            return this;
        }

        /** Without the flag that {@code Listener.channel()} needs. */
        Builder withoutOpens() {
            options.removeIf(option -> option.startsWith("--add-opens"));
            return this;
        }

        Builder classPath(String value) {
            classPath = value;
            return this;
        }

        /** Runs this class, which is given no arguments but those of {@link #argument}, instead of hello. */
        Builder main(Class<?> value) {
            main = value.getName();
            return this;
        }

        Builder argument(String... values) {
            arguments.addAll(List.of(values));
            return this;
        }

        Builder address(String value) {
            address = value;
            return this;
        }

        Builder environment(String variable, String value) {
            environment.put(variable, value);
            return this;
        }

        Builder workingDirectory(Path value) {
            workingDirectory = value;
            return this;
        }

        /** Leaves the control socket to the runtime directory, under the name hello. */
        Builder byName() {
            explicitSocket = false;
            return this;
        }

        /** Starts it, and returns when it serves. */
        Site start() throws Exception {
            var site = new Site(directory, process(directory.resolve("log")));
            await().alias("the start, see " + directory.resolve("log"))
                    .atMost(LIMIT)
                    .pollInterval(POLL)
                    .ignoreExceptions()
                    .failFast(() -> assertThat(site.process.isAlive())
                            .as("the start:\n%s", site.log())
                            .isTrue())
                    .until(() -> site.status().state().equals("serving"));
            return site;
        }

        /** Starts it in the expectation that it will not serve, and waits for its end. */
        Ended fail() throws Exception {
            var log = directory.resolve("failed.log");
            var failed = process(log);
            try {
                assertThat(failed.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS))
                        .as("it ends by itself; %s", log)
                        .isTrue();
                return new Ended(failed.exitValue(), "", Files.readString(log));
            } finally {
                failed.destroyForcibly();
            }
        }

        private Process process(Path log) throws IOException {
            var command = new ArrayList<>(before);
            command.add(java);
            command.addAll(options);
            command.addAll(List.of("-cp", classPath, main));
            if (main.equals("dev.baton.cli.Main")) {
                command.addAll(List.of("hello", "--address", address, "--watch", "0.3", "--shutdown-timeout", "60"));
                command.addAll(List.of("--name", "hello", "--warm-up", "0"));
                if (!arguments.contains("--pid-file")) {
                    command.addAll(
                            List.of("--pid-file", directory.resolve("hello.pid").toString()));
                }
                if (explicitSocket) {
                    command.addAll(List.of(
                            "--control-socket", directory.resolve("hello.sock").toString()));
                }
            }
            command.addAll(arguments);
            return spawn(command, workingDirectory, environment, log);
        }
    }

    /** Runs the command line to its end: {@code baton(directory, "restart", "hello")}. */
    static Ended baton(Path directory, String... arguments) throws Exception {
        var out = Files.createTempFile(directory, "out", "");
        var err = Files.createTempFile(directory, "err", "");
        var builder = new ProcessBuilder(batonCommand(arguments));
        builder.environment().put("BATON_RUNTIME_DIR", directory.resolve("run").toString());
        var process =
                builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        try {
            assertThat(process.waitFor(2 * LIMIT.toSeconds(), TimeUnit.SECONDS))
                    .as("baton %s ends", String.join(" ", arguments))
                    .isTrue();
            return new Ended(process.exitValue(), Files.readString(out), Files.readString(err));
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** A copy of the jar or directory of classes that holds a class. */
    static Path copyOfThePlaceOf(Class<?> type, Path into) throws Exception {
        var from =
                Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        var to = into.resolve(type.getSimpleName() + (Files.isDirectory(from) ? "" : ".jar"));
        var copy = new ProcessBuilder("cp", "-r", from.toString(), to.toString()).start();
        assertThat(copy.waitFor()).isZero();
        return to;
    }

    /** The agent's jar, where the command looks for it. */
    static Path agent() {
        try {
            var main = Class.forName("dev.baton.cli.Main", false, Site.class.getClassLoader());
            return Path.of(main.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .resolveSibling("lib/baton-agent.jar");
        } catch (ReflectiveOperationException | java.net.URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<String> batonCommand(String... arguments) {
        var command = new ArrayList<String>();
        command.add(JAVA.toString());
        command.addAll(OPTIONS);
        command.addAll(List.of("-cp", CLASS_PATH, "dev.baton.cli.Main"));
        command.addAll(List.of(arguments));
        return command;
    }

    private static Process spawn(List<String> command, Path directory, Map<String, String> environment, Path log)
            throws IOException {
        var builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.environment().putAll(environment);
        builder.environment().put("PWD", directory.toString());
        builder.environment()
                .put(
                        "BATON_IT",
                        log.resolveSibling("").toAbsolutePath().normalize().toString());
        return builder.start();
    }

    // ---- what an operator sees

    /** The process that was started: a wrapper, if there is one. */
    Process process() {
        return process;
    }

    Path controlSocket() {
        var explicit = directory.resolve("hello.sock");
        return Files.exists(explicit) ? explicit : directory.resolve("run/hello.sock");
    }

    Path pidFile() {
        return directory.resolve("hello.pid");
    }

    Message.StatusReply status() throws IOException {
        return status(controlSocket());
    }

    static Message.StatusReply status(Path socket) throws IOException {
        return switch (ask(socket, new Message.Status())) {
            case Message.StatusReply reply -> reply;
            case Message other -> throw new IOException("asked for the status, was told " + other);
        };
    }

    long pid() throws IOException {
        return status().pid();
    }

    /** The address of the only TCP listener. */
    InetSocketAddress address() throws IOException {
        return (InetSocketAddress)
                BatonConfig.parseAddress(status().listeners().getFirst().addr());
    }

    String log() throws IOException {
        return Files.readString(directory.resolve("log"), StandardCharsets.UTF_8);
    }

    void awaitLog(String text) {
        await().alias("'" + text + "' in the log")
                .atMost(LIMIT)
                .pollInterval(POLL)
                .untilAsserted(() -> assertThat(log()).contains(text));
    }

    void awaitPhase(String phase) {
        await().alias("phase " + phase)
                .atMost(LIMIT)
                .pollInterval(POLL)
                .until(() -> status().phase().equals(phase));
    }

    // ---- what an operator does

    /** Sends a message and waits for the one answer that is no progress. */
    static Message ask(Path socket, Message message) throws IOException {
        try (var client = ControlClient.connect(socket)) {
            client.send(message);
            while (true) {
                switch (client.receive(LIMIT)) {
                    case null -> throw new IOException("no answer from pid " + client.pid() + " to " + message);
                    case Message.Progress _ -> {}
                    case Message answer -> {
                        return answer;
                    }
                }
            }
        }
    }

    /** Stops it by a word on the control socket, and returns when it does not listen there any more. */
    static void stop(Path socket) throws IOException {
        try (var client = ControlClient.connect(socket)) {
            client.send(new Message.Drain("the test is over"));
        }
        await().atMost(LIMIT).until(() -> !Files.exists(socket));
    }

    private long successor() throws IOException {
        var pid = status().successorPid();
        return pid == null ? 0 : pid;
    }

    /** The successor's process, as soon as it runs. */
    long awaitSuccessor() {
        return await().atMost(LIMIT).pollInterval(Duration.ofMillis(5)).until(this::successor, pid -> pid != 0);
    }

    /** As {@code baton restart}: whoever is told to ask elsewhere does so. */
    Message.Outcome restart() throws IOException {
        return await().atMost(LIMIT).until(this::asked, Optional::isPresent).orElseThrow();
    }

    private Optional<Message.Outcome> asked() throws IOException {
        return switch (ask(controlSocket(), new Message.Restart())) {
            case Message.Outcome outcome -> Optional.of(outcome);
            case Message.Moved _ -> Optional.empty();
            case Message other -> throw new IOException("asked for a restart, was told " + other);
        };
    }

    /** Restarts, which must succeed, and returns when the predecessor is gone. */
    Message.Outcome restarted() throws IOException {
        var outcome = restart();
        assertThat(outcome.ok()).as("%s\n%s", outcome, log()).isTrue();
        awaitPhase("idle");
        return outcome;
    }

    CompletableFuture<Message.Outcome> restarting() {
        return Deployment.later(this::restart);
    }

    void signal(String name) throws IOException {
        Deployment.signal(name, pid());
    }

    /** Some 150 requests a second; new connections, keep-alive, slow ones, uploads. */
    Load.Builder load() throws IOException {
        return Load.on(address())
                .seed(RandomGenerator.getDefault().nextLong())
                .limit(Duration.ofSeconds(20))
                .newConnections(80)
                .keepAlive(5, Duration.ofMillis(100))
                .slow(3, Duration.ofMillis(50), Duration.ofMillis(300))
                .upload(2, Duration.ofMillis(50), 32 * 1024, Duration.ofMillis(300));
    }

    // ---- what must hold

    /** Lets the load run on, then stops it and checks that nothing was lost. */
    static Report assertNothingLost(Load load) {
        Deployment.awaitAnswers(load, 50);
        return Deployment.assertNothingLost(load);
    }

    /** A request on a new connection, answered by whom it says. */
    static void assertAnsweredBy(long pid, InetSocketAddress address) throws IOException {
        try (var client = ScriptedClient.connect(address)) {
            assertThat(client.get("/").expectAnswer(200).header("X-Pid")).isEqualTo(Long.toString(pid));
        }
    }

    /** This process serves as if nothing had happened, at its socket, its address and in its pid file. */
    void assertServesOn(long pid) throws IOException {
        var status = status();
        assertThat(status.pid()).isEqualTo(pid);
        assertThat(status.phase()).isEqualTo("idle");
        assertThat(status.holdsBaton()).isTrue();
        assertAnsweredBy(pid, address());
    }

    /** Every process that was started here and lives. */
    List<ProcessHandle> processes() {
        var marker = "BATON_IT=" + directory + "\0";
        return ProcessHandle.allProcesses()
                .filter(one -> environment(one.pid()).contains(marker))
                .toList();
    }

    private static String environment(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Asks it to stop, and checks that no process, no pid file and no socket is left. */
    @Override
    public void close() throws IOException {
        try {
            var socket = controlSocket();
            if (Files.exists(socket)) {
                Deployment.signal("TERM", pid());
            }
            await().atMost(LIMIT)
                    .pollInterval(POLL)
                    .untilAsserted(() ->
                            assertThat(processes()).as("processes left behind").isEmpty());
            assertThat(pidFile()).doesNotExist();
            assertThat(socket).doesNotExist();
        } catch (AssertionError | RuntimeException | IOException e) {
            System.err.println("---- " + directory.resolve("log") + "\n" + log());
            throw e;
        } finally {
            processes().forEach(ProcessHandle::destroyForcibly);
        }
    }
}

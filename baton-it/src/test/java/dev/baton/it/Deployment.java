package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.BatonConfig;
import dev.baton.control.ControlClient;
import dev.baton.control.Message;
import dev.baton.load.Failure;
import dev.baton.load.Load;
import dev.baton.load.Outcome;
import dev.baton.load.Report;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/**
 * An application in a directory of its own, as its operator sees it: generations come and go, the control socket, the pid
 * file and the address stay. Closing it ends it and checks that nothing is left behind.
 *
 * <pre>{@code
 * try (var app = Deployment.in(directory).start(); var load = app.load().start()) {
 *     app.next(Deed.EXIT, Step.STARTED);
 *     assertThat(app.restart().ok()).isFalse();
 *     app.assertNothingLost(load);
 * }
 * }</pre>
 */
final class Deployment implements AutoCloseable {
    private static final int MOST_MOVES = 1;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** What an application leaves in its directory when it has ended in order: the lock file, and what tests put there. */
    private static final Set<String> EXPECTED_AT_THE_END = Set.of(
            "app.sock.baton",
            "app.sock.supervisor",
            "history",
            "environment",
            "log",
            Misdeed.LOG_PIPE,
            Misdeed.LOG_READER);

    static {
        Awaitility.setDefaultTimeout(LIMIT);
        Awaitility.setDefaultPollInterval(Duration.ofMillis(20));
    }

    private final Path directory;
    private final Builder builder;
    private final Process first;
    private final InetSocketAddress address;

    /** Keeps the generations; null where they succeed each other by themselves. */
    private @Nullable Process supervisor;

    private Deployment(Path directory, Builder builder, Process first, InetSocketAddress address) {
        this.directory = directory;
        this.builder = builder;
        this.first = first;
        this.address = address;
        this.supervisor = builder.isSupervised ? first : null;
    }

    /**
     * Begins a deployment of {@link App}.
     *
     * @param directory an empty directory; every process of the deployment can be recognized by it
     */
    static Builder in(Path directory) {
        return new Builder(directory);
    }

    static final class Builder {
        private final Path directory;
        private final List<String> options = new ArrayList<>(List.of(
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "-Xshare:auto",
                "-XX:+ErrorFileToStdout",
                "--enable-native-access=ALL-UNNAMED"));
        private final Map<String, String> environment = new LinkedHashMap<>();
        private final Map<String, Duration> times = new LinkedHashMap<>();
        private boolean isSupervised;
        private boolean isUnmodified;
        private @Nullable Process logReader;

        private Builder(Path directory) {
            this.directory = directory;
        }

        /** Lets {@code baton run} keep the generations. */
        Builder supervised() {
            isSupervised = true;
            return this;
        }

        /** Deploys {@link PlainApp} with the agent instead; it needs an {@code address}. */
        Builder unmodified() {
            isUnmodified = true;
            return this;
        }

        /** Lets the log go through a pipe, as to a container's runtime, so that {@link Misdeed.Deed#BLOCK_LOG} can block it. */
        Builder logThroughPipe() throws IOException {
            var read = "mkfifo %1$s && echo $$ > %2$s && exec cat <> %1$s >> log"
                    .formatted(Misdeed.LOG_PIPE, Misdeed.LOG_READER);
            logReader = new ProcessBuilder("sh", "-c", read)
                    .directory(directory.toFile())
                    .start();
            await().until(() -> Files.exists(directory.resolve(Misdeed.LOG_READER)));
            return this;
        }

        /** Sets a time of {@link BatonConfig}: {@code childTimeout}, {@code readyTimeout}, {@code watch}, {@code shutdownTimeout}. */
        Builder set(String name, Duration value) {
            times.put(name, value);
            return option("-D" + name + "=" + value);
        }

        /** Adds an option of the JVM. */
        Builder option(String option) {
            options.add(option);
            return this;
        }

        /** Sets a variable of the first generation, which later ones inherit. */
        Builder environment(String variable, String value) {
            environment.put(variable, value);
            return this;
        }

        /** Starts the first generation, and returns when it serves. */
        Deployment start() throws IOException {
            Files.createFile(directory.resolve("environment"));
            var process = spawn();
            try {
                var status = await().alias("the start of the application, see " + directory.resolve("log"))
                        .ignoreExceptions()
                        .until(
                                () -> Deployment.status(directory.resolve("app.sock")),
                                reply -> reply.state().equals("serving")
                                        && !reply.listeners().isEmpty());
                var addr = status.listeners().getFirst().addr();
                return new Deployment(directory, this, process, (InetSocketAddress) BatonConfig.parseAddress(addr));
            } catch (RuntimeException e) {
                process.destroyForcibly();
                endLogReader();
                throw new AssertionError(
                        "the application did not start:\n" + Files.readString(directory.resolve("log")), e);
            }
        }

        private Process spawn() throws IOException {
            var command = new ArrayList<String>();
            if (isSupervised) {
                command.addAll(supervisor());
            }
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            if (isUnmodified && !isSupervised) {
                command.add("-javaagent:" + Site.agent() + "=" + agentOptions());
            }
            command.addAll(options);
            if (!isUnmodified) {
                command.addAll(Archive.OPTIONS);
            }
            command.addAll(List.of(
                    "-cp",
                    isUnmodified
                            ? Path.of("target/test-classes").toAbsolutePath().toString()
                            : Archive.CLASS_PATH,
                    (isUnmodified ? PlainApp.class : App.class).getName(),
                    directory.toString()));
            var builder = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(directory
                            .resolve(logReader == null ? "log" : Misdeed.LOG_PIPE)
                            .toFile()));
            builder.environment().putAll(environment);
            builder.environment().put("BATON_IT", directory.toString());
            return builder.start();
        }

        private void endLogReader() {
            if (logReader != null) {
                logReader.destroyForcibly();
            }
        }

        private List<String> supervisor() {
            var words = new ArrayList<>(Site.batonCommand(
                    "run",
                    "--name",
                    "app",
                    "--control-socket",
                    directory.resolve("app.sock").toString(),
                    "--pid-file",
                    directory.resolve("app.pid").toString(),
                    "--environment-file",
                    directory.resolve("environment").toString()));
            times.forEach((name, time) -> words.addAll(List.of("--" + dashed(name), time.toMillis() + "ms")));
            if (!isUnmodified) {
                words.add("--no-agent");
            }
            words.add("--");
            return words;
        }

        private String agentOptions() {
            var words = new ArrayList<>(List.of(
                    "name=app",
                    "control-socket=" + directory.resolve("app.sock"),
                    "pid-file=" + directory.resolve("app.pid"),
                    "environment-file=" + directory.resolve("environment")));
            times.forEach((name, time) -> words.add(dashed(name) + "=" + time.toMillis() / 1000.0));
            return String.join(",", words);
        }

        private static String dashed(String name) {
            return Pattern.compile("[A-Z]")
                    .matcher(name)
                    .replaceAll(letter -> "-" + letter.group().toLowerCase(Locale.ROOT));
        }
    }

    // ---- what an operator sees

    InetSocketAddress address() {
        return address;
    }

    Path controlSocket() {
        return directory.resolve("app.sock");
    }

    Path pidFile() {
        return directory.resolve("app.pid");
    }

    /** The process that serves, in the words of the pid file, or of its supervisor, whose own pid that file has. */
    long pid() throws IOException {
        return supervisor != null
                ? status().pid()
                : Long.parseLong(Files.readString(pidFile()).strip());
    }

    /** The first generation's process. */
    Process first() {
        return first;
    }

    Message.StatusReply status() throws IOException {
        return status(controlSocket());
    }

    static Message.StatusReply status(Path socket) throws IOException {
        try (var client = ControlClient.connect(socket)) {
            client.send(new Message.Status());
            if (client.receive(LIMIT) instanceof Message.StatusReply reply) {
                return reply;
            }
            throw new IOException("no status from pid " + client.pid());
        }
    }

    /** Everything that all generations have logged. */
    String log() throws IOException {
        return Files.readString(directory.resolve("log"), StandardCharsets.UTF_8);
    }

    /**
     * A line of the history.
     *
     * @param nanos the machine's monotonic clock, comparable between processes and with {@link System#nanoTime}
     * @param pid who wrote it
     * @param generation its generation, 0 before it joined
     * @param what {@code joined}, {@code ready}, {@code baton start}, {@code baton stop}, {@code drained}, {@code fault …}
     */
    record Note(long nanos, long pid, int generation, String what) {}

    /** What every generation wrote down, in the order of writing. */
    List<Note> history() throws IOException {
        return Files.readAllLines(directory.resolve("history")).stream()
                .map(line -> line.split(" ", 4))
                .map(parts -> new Note(
                        Long.parseLong(parts[0]), Long.parseLong(parts[1]), Integer.parseInt(parts[2]), parts[3]))
                .toList();
    }

    /** The notes of one kind. */
    List<Note> history(String what) throws IOException {
        return history().stream().filter(note -> note.what().startsWith(what)).toList();
    }

    /** Every living process of this deployment. */
    List<ProcessHandle> processes() {
        var marker = "BATON_IT=" + directory + "\0";
        return ProcessHandle.allProcesses()
                .filter(process -> environment(process.pid()).contains(marker))
                .toList();
    }

    private static String environment(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Those of them that are generations. */
    List<ProcessHandle> generations() {
        var keeper = supervisor;
        return processes().stream()
                .filter(process -> keeper == null || process.pid() != keeper.pid())
                .toList();
    }

    /** {@return whether what is to be kept has its keeper} */
    boolean isKept() {
        var keeper = supervisor;
        return keeper == null || keeper.isAlive();
    }

    /** Starts another supervisor, and returns when it has found the generation that the former one left. */
    void keepAgain() throws IOException {
        var again = builder.spawn();
        supervisor = again;
        await().alias("pid " + again.pid() + " supervises")
                .ignoreExceptions()
                .until(() -> Objects.equals(status().supervisorPid(), again.pid()));
    }

    /** How many sockets, pipes and other descriptors without a file a process has, by kind. */
    static Map<String, Integer> descriptors(long pid) throws IOException {
        return descriptors(pid, target -> !target.startsWith("/"));
    }

    /** Those of Unix sockets and of processes alone: what a handover opens, whatever clients do meanwhile. */
    static Map<String, Integer> descriptorsOfHandovers(long pid) throws IOException {
        var unix = Files.readAllLines(Path.of("/proc/net/unix")).stream()
                .map(line -> "socket:[" + line.strip().split("\\s+", 8)[6] + "]")
                .collect(Collectors.toSet());
        return descriptors(pid, target -> unix.contains(target) || target.equals("anon_inode:[pidfd]"));
    }

    private static Map<String, Integer> descriptors(long pid, Predicate<String> wanted) throws IOException {
        var kinds = new java.util.TreeMap<String, Integer>();
        try (var entries = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            for (var entry : entries.toList()) {
                try {
                    var target = Files.readSymbolicLink(entry).toString();
                    if (wanted.test(target)) {
                        kinds.merge(target.replaceAll(":\\[\\d+]", ""), 1, Integer::sum);
                    }
                } catch (IOException e) {
                    // Closed meanwhile.
                }
            }
        }
        return kinds;
    }

    // ---- what an operator does

    /** Lets the next successors misbehave. */
    void next(Misdeed.Deed deed, Misdeed.Step step) throws IOException {
        next(Map.of("FAULT", deed + " " + step, "INCUMBENT", Long.toString(pid())));
    }

    /** Lets the next successors behave. */
    void nextBehaves() throws IOException {
        next(Map.of());
    }

    /** Sets the variables of the next successors. */
    void next(Map<String, String> variables) throws IOException {
        var all = new LinkedHashMap<String, String>();
        all.put("FAULT", "");
        all.putAll(variables);
        var lines = all.entrySet().stream()
                .map(variable -> variable.getKey() + "=\"" + variable.getValue() + "\"")
                .toList();
        Files.write(directory.resolve("environment"), lines);
    }

    /**
     * Asks for a restart and waits for its outcome. When the incumbent has moved, the next one is asked at once: the control
     * socket leads there by then.
     */
    Message.Outcome restart() throws IOException {
        for (int moves = 0; moves <= MOST_MOVES; moves++) {
            switch (ask(new Message.Restart())) {
                case Message.Outcome outcome -> {
                    return outcome;
                }
                case Message.Moved _ -> {}
                case Message other -> throw new IOException("a restart was answered with " + other);
            }
        }
        throw new IOException("the incumbent moved more than " + MOST_MOVES + " times");
    }

    /** {@link #restart} on a thread of its own. */
    CompletableFuture<Message.Outcome> restarting() {
        return later(this::restart);
    }

    /** Sends a message and waits for the one answer that is no progress. */
    Message ask(Message message) throws IOException {
        try (var client = ControlClient.connect(controlSocket())) {
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

    /** A request that is in flight until the test lets it end: an upload of ten bytes, of which one is missing. */
    record Held(ScriptedClient client) implements AutoCloseable {
        ScriptedClient.Answer finish() throws IOException {
            client.send("u");
            var answer = client.expectAnswer(200);
            assertThat(answer.body()).isEqualTo("received=10\n");
            return answer;
        }

        @Override
        public void close() throws IOException {
            client.close();
        }
    }

    /** Begins a request that the test holds. */
    Held hold() throws IOException {
        var client = connect();
        client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nuuuuuuuuu");
        return new Held(client);
    }

    /** A patient client. */
    ScriptedClient connect() throws IOException {
        return ScriptedClient.connect(address).within(LIMIT);
    }

    interface Question<T> {
        T ask() throws Exception;
    }

    /** Asks on a thread of its own; a virtual one would be pinned, and keep the load's from running. */
    static <T> CompletableFuture<T> later(Question<T> question) {
        var answer = new CompletableFuture<T>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                answer.complete(question.ask());
            } catch (Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        return answer;
    }

    /**
     * Sends a signal to who serves, or to its supervisor: {@code HUP}, {@code TERM}, {@code INT}, {@code KILL}, {@code STOP},
     * {@code CONT}.
     */
    void signal(String name) throws IOException {
        var keeper = supervisor;
        signal(name, keeper == null ? pid() : keeper.pid());
    }

    static void signal(String name, long pid) throws IOException {
        try {
            var kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start();
            assertThat(kill.waitFor()).as("kill -%s %d", name, pid).isZero();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * A standard mixed load of some 250 requests a second: new connections, keep-alive, slow ones, uploads. Its seed is
     * printed.
     */
    Load.Builder load() {
        var seed = RandomGenerator.getDefault().nextLong();
        System.out.println("load with seed " + seed);
        return Load.on(address)
                .seed(seed)
                .limit(Duration.ofSeconds(15))
                .newConnections(130)
                .keepAlive(10, Duration.ofMillis(100))
                .slow(4, Duration.ofMillis(50), Duration.ofMillis(400))
                .upload(3, Duration.ofMillis(50), 32 * 1024, Duration.ofMillis(300));
    }

    // ---- what must hold

    /** Returns when the incumbent has this many connections and requests open. */
    void awaitOpen(int connections, int requests) {
        await().untilAsserted(() -> {
            var status = status();
            assertThat(status.openConnections()).as("open connections").isEqualTo(connections);
            assertThat(status.openRequests()).as("open requests").isEqualTo(requests);
        });
    }

    /** Returns when a generation has become the incumbent; its predecessor may still drain. */
    void awaitGeneration(int generation) {
        await().ignoreExceptions().until(() -> status().generation() == generation);
    }

    /** Returns when the load has been answered some more; the way to let it run. */
    static void awaitAnswers(Load load, long more) {
        long target = load.snapshot().answered() + more;
        await().until(() -> load.snapshot().answered() >= target);
    }

    /** Stops the load and checks that every request was answered, and no connection closed without notice. */
    static Report assertNothingLost(Load load) {
        var report = load.stop();
        assertThat(report.answered()).as("answers\n%s", report.toTable()).isPositive();
        assertThat(report.lost()).as("lost requests\n%s", report.toTable()).isZero();
        assertThat(report.closedWithoutNotice())
                .as("connections closed without notice\n%s", report.toTable())
                .isZero();
        return report;
    }

    /**
     * Stops the load and checks that what was lost was lost by a process that was killed: no connection was refused or left
     * unanswered, nothing was lost before the kill, and nothing on a connection of the process that survived.
     *
     * @param killNanos not later than the kill
     */
    Report assertLostOnlyByTheKill(Load load, long killNanos) throws IOException {
        var report = load.stop();
        var beginNanos = System.nanoTime() - load.elapsed().toNanos();
        for (var failure : report.failures()) {
            assertThat(failure.outcome())
                    .as("%s\n%s", failure, report.toTable())
                    .isIn(
                            Outcome.RESET_BEFORE_SEND,
                            Outcome.RESET_AFTER_SEND,
                            Outcome.RESET_MID_ANSWER,
                            Outcome.CLOSED_BEFORE_ANSWER,
                            Outcome.LOST_IN_CLOSE_RACE,
                            Outcome.TRUNCATED);
            assertThat(beginNanos + failure.at().toNanos())
                    .as("lost before the kill: %s\n%s", failure, report.toTable())
                    .isGreaterThanOrEqualTo(killNanos);
            assertThat(saw(failure))
                    .as("lost by the survivor: %s\n%s", failure, report.toTable())
                    .isFalse();
        }
        return report;
    }

    private boolean saw(Failure failure) throws IOException {
        try (var client = connect()) {
            return Boolean.parseBoolean(client.get("/saw?request=" + failure.localPort() + "-" + failure.sequence())
                    .expectAnswer(200)
                    .body()
                    .strip());
        }
    }

    /** Checks that this process serves, alone, and is who the pid file, the control socket and the address say. */
    void assertServedBy(long pid) throws IOException {
        await().untilAsserted(() ->
                assertThat(processes()).extracting(ProcessHandle::pid).containsExactly(pid));
        assertThat(pid()).as("pid file").isEqualTo(pid);
        var status = status();
        assertThat(status.pid()).as("control socket").isEqualTo(pid);
        assertThat(status.state()).isEqualTo("serving");
        try (var client = connect()) {
            assertThat(client.get("/").expectAnswer(200).header("X-Pid")).isEqualTo(Long.toString(pid));
        }
    }

    /** Checks that no process of the deployment lives, and no file is left that does not belong there. */
    void assertNothingLeftBehind() throws IOException {
        await().untilAsserted(() ->
                assertThat(processes()).as("processes left behind").isEmpty());
        try (var files = Files.list(directory)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .as("files left behind")
                    .isSubsetOf(EXPECTED_AT_THE_END);
        }
    }

    /** Asks the serving process to stop, and checks that nothing is left behind. */
    @Override
    public void close() throws IOException {
        try {
            if (Files.exists(pidFile())) {
                signal("TERM");
            }
            assertNothingLeftBehind();
        } catch (AssertionError | RuntimeException | IOException e) {
            System.err.println("---- " + directory.resolve("log") + "\n" + log());
            throw e;
        } finally {
            processes().forEach(ProcessHandle::destroyForcibly);
            builder.endLogReader();
        }
    }
}

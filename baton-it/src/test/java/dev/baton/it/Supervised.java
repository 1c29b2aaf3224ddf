package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.Message;
import dev.baton.load.Load;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.spi.ToolProvider;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/**
 * {@code baton run} with a program that knows nothing of Baton. Closing it stops the supervisor and checks that no process is
 * left.
 */
final class Supervised implements AutoCloseable {
    static final Path JAVA = Site.JAVA;
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration POLL = Duration.ofMillis(20);

    static {
        Awaitility.setDefaultTimeout(LIMIT);
        Awaitility.setDefaultPollInterval(POLL);
    }

    private final Path directory;
    private final Path log;
    private Process process;

    private Supervised(Path directory, Path log, Process process) {
        this.directory = directory;
        this.log = log;
        this.process = process;
    }

    /**
     * A server on the JDK's own HTTP server. It greets, and answers {@code /who} with its version, its pid, and the system
     * property and the variable {@code colour}; with a third argument it first starts a JVM of its own.
     */
    private static final String SOURCE = """
            package plain;

            import com.sun.net.httpserver.HttpServer;
            import java.net.InetAddress;
            import java.net.InetSocketAddress;
            import java.nio.charset.StandardCharsets;
            import java.util.concurrent.Executors;

            public class Server {
                public static void main(String[] args) throws Exception {
                    if (args[0].equals("child")) {
                        System.out.println("the child of the application has run");
                        return;
                    }
                    if (args.length > 1) {
                        System.out.println("child: " + new ProcessBuilder(System.getProperty("java.home") + "/bin/java",
                                "-cp", System.getProperty("java.class.path"), "plain.Server", "child")
                                        .inheritIO().start().waitFor());
                    }
                    var server = HttpServer.create(
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0])), 0);
                    server.createContext("/", exchange -> {
                        var who = "@VERSION@ %d %s %s\\n".formatted(ProcessHandle.current().pid(),
                                System.getProperty("colour"), System.getenv("COLOUR"));
                        var body = (exchange.getRequestURI().getPath().equals("/who") ? who : "Hello, world!\\n")
                                .getBytes(StandardCharsets.UTF_8);
                        exchange.getResponseHeaders().set("X-Pid", Long.toString(ProcessHandle.current().pid()));
                        exchange.sendResponseHeaders(200, body.length);
                        exchange.getResponseBody().write(body);
                        exchange.close();
                    });
                    server.setExecutor(Executors.newCachedThreadPool());
                    server.start();
                    System.out.println("it serves");
                }
            }
            """;

    /** Compiles the server, and packs it: a class path, an executable jar and a module, all in one. */
    static Path jar(Path directory, String version) throws IOException {
        var sources = Files.createDirectories(directory.resolve("src-" + version));
        Files.createDirectories(sources.resolve("plain"));
        Files.writeString(sources.resolve("plain/Server.java"), SOURCE.replace("@VERSION@", version));
        Files.writeString(sources.resolve("module-info.java"), "module plain { requires jdk.httpserver; }");
        var classes = sources.resolve("classes");
        run("javac", "-d", classes.toString(), sources + "/module-info.java", sources + "/plain/Server.java");
        var jar = sources.resolve("plain.jar");
        run("jar", "--create", "--file", jar.toString(), "--main-class", "plain.Server", "-C", classes.toString(), ".");
        return jar;
    }

    private static void run(String tool, String... arguments) {
        assertThat(ToolProvider.findFirst(tool).orElseThrow().run(System.out, System.err, arguments))
                .isZero();
    }

    static int freePort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** The words of {@code baton run}, under the name plain. */
    static List<String> words(Path directory, List<String> options, String... command) {
        var words = new ArrayList<>(Site.batonCommand("run", "--name", "plain", "--watch", "0.3"));
        words.addAll(options);
        words.add("--");
        words.addAll(List.of(command));
        return words;
    }

    /** Starts it and returns when a generation serves. */
    static Supervised start(Path directory, List<String> options, String... command) throws IOException {
        return start(directory, Map.of(), words(directory, options, command));
    }

    /** Starts any words, and returns when a generation serves. */
    static Supervised start(Path directory, Map<String, String> environment, List<String> words) throws IOException {
        var log = directory.resolve("log");
        var supervised = new Supervised(directory, log, spawn(directory, log, environment, words));
        supervised.awaitServing();
        return supervised;
    }

    static Process spawn(Path directory, Path log, Map<String, String> environment, List<String> words)
            throws IOException {
        var builder = new ProcessBuilder(words)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        var all = new LinkedHashMap<String, String>();
        all.put("BATON_RUNTIME_DIR", directory.resolve("run").toString());
        all.put("BATON_IT", directory.toString());
        all.put("PWD", directory.toString());
        all.putAll(environment);
        builder.environment().putAll(all);
        return builder.start();
    }

    Path socket() {
        return directory.resolve("run/plain.sock");
    }

    Process process() {
        return process;
    }

    void awaitServing() throws IOException {
        await().alias("the start, see " + log)
                .atMost(LIMIT)
                .pollInterval(POLL)
                .ignoreExceptions()
                .failFast(() -> assertThat(process.isAlive())
                        .as("the start:\n%s", log())
                        .isTrue())
                .until(() -> status().state().equals("serving") && isOurs(status().supervisorPid()));
    }

    /** In a pid namespace of its own it is pid 1. */
    private boolean isOurs(@Nullable Long supervisor) {
        return supervisor != null
                && (supervisor == 1
                        || supervisor == process.pid()
                        || process.descendants().anyMatch(child -> child.pid() == supervisor));
    }

    /** Another supervisor of the same name. */
    void again(List<String> options, String... command) throws IOException {
        process = spawn(directory, log, Map.of(), words(directory, options, command));
    }

    Message.StatusReply status() throws IOException {
        return Site.status(socket());
    }

    long pid() throws IOException {
        return status().pid();
    }

    Message.Outcome restart() throws IOException {
        return (Message.Outcome) Site.ask(socket(), new Message.Restart());
    }

    /** Restarts, which must succeed, and returns when the predecessor is gone. */
    Message.Outcome restarted() throws IOException {
        var outcome = restart();
        assertThat(outcome.ok()).as("%s\n%s", outcome, log()).isTrue();
        await().atMost(LIMIT).pollInterval(POLL).until(() -> status().phase().equals("idle"));
        return outcome;
    }

    InetSocketAddress address() throws IOException {
        return (InetSocketAddress) dev.baton.BatonConfig.parseAddress(
                status().listeners().getFirst().addr());
    }

    /** What the server says of itself: version, pid, property, variable. */
    List<String> answer() throws Exception {
        var address = address();
        try (var client = HttpClient.newHttpClient()) {
            var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + address.getPort() + "/who"))
                    .timeout(Duration.ofSeconds(20))
                    .build();
            return List.of(client.send(request, HttpResponse.BodyHandlers.ofString())
                    .body()
                    .strip()
                    .split(" "));
        }
    }

    /** New connections alone: what an unmodified server does to the idle ones it has is its own affair. */
    Load.Builder load() throws IOException {
        var seed = RandomGenerator.getDefault().nextLong();
        System.out.println("load with seed " + seed);
        return Load.on(address()).seed(seed).limit(Duration.ofSeconds(20)).newConnections(100);
    }

    String log() throws IOException {
        return Files.readString(log, StandardCharsets.UTF_8);
    }

    void awaitLog(String text) {
        await().alias("'" + text + "' in the log")
                .atMost(LIMIT)
                .pollInterval(POLL)
                .untilAsserted(() -> assertThat(log()).contains(text));
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

    /** Asks it to stop, and waits. {@return the exit code} */
    int stop() {
        process.destroy();
        return process.onExit()
                .orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS)
                .join()
                .exitValue();
    }

    @Override
    public void close() throws IOException {
        try {
            if (process.isAlive()) {
                assertThat(stop()).as("exit code\n%s", log()).isZero();
            }
            await().atMost(LIMIT)
                    .pollInterval(POLL)
                    .untilAsserted(() ->
                            assertThat(processes()).as("processes left behind").isEmpty());
            assertThat(socket()).doesNotExist();
        } catch (AssertionError | RuntimeException | IOException e) {
            System.err.println("---- " + log + "\n" + log());
            throw e;
        } finally {
            processes().forEach(ProcessHandle::destroyForcibly);
        }
    }
}

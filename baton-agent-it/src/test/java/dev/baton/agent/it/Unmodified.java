package dev.baton.agent.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.ControlClient;
import dev.baton.control.Message;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** An application that knows nothing of Baton, run with the agent: its generations, from outside. */
public final class Unmodified implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(90);

    /** A JVM that lives for one restart does not earn what it spends on compiling its code well. */
    private static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    private final Path directory;
    private final Path log;
    private final Path socket;
    private final InetSocketAddress address;
    private final Process first;

    private Unmodified(Path directory, InetSocketAddress address, Process first) {
        this.directory = directory;
        this.log = directory.resolve("app.log");
        this.socket = directory.resolve("app.sock");
        this.address = address;
        this.first = first;
    }

    /**
     * Starts it and waits until it answers.
     *
     * @param directory for its log and its control socket
     * @param jvmOptions further options of the JVM
     * @param main its main class, which takes the port as its first argument
     * @param arguments further arguments
     * @return the application, serving
     * @throws IOException if it cannot be started
     */
    public static Unmodified start(Path directory, List<String> jvmOptions, Class<?> main, String... arguments)
            throws IOException {
        return start(directory, options(directory), jvmOptions, main, arguments);
    }

    /**
     * Starts any Java program as its users do, and waits until it listens.
     *
     * @param directory for its log and its control socket
     * @param jvmOptions further options of the JVM
     * @param command what follows them, made from the port
     * @return the application; listening, unless it has ended
     * @throws IOException if it cannot be started
     */
    public static Unmodified start(Path directory, List<String> jvmOptions, IntFunction<List<String>> command)
            throws IOException {
        return start(directory, Map.of(), jvmOptions, command);
    }

    /** As {@link #start(Path, List, IntFunction)}, with an environment of its own. */
    public static Unmodified start(
            Path directory, Map<String, String> environment, List<String> jvmOptions, IntFunction<List<String>> command)
            throws IOException {
        var port = freePort();
        var whole = new ArrayList<>(List.of(
                java(),
                "-javaagent:" + Objects.requireNonNull(System.getProperty("baton.agent")) + options(directory)));
        whole.addAll(SHORT_LIVED);
        whole.addAll(jvmOptions);
        whole.addAll(command.apply(port));
        var app = start(directory, port, whole, environment);
        await().atMost(LIMIT).until(() -> app.listens() || !app.first.isAlive());
        return app;
    }

    static Unmodified start(
            Path directory, String agentOptions, List<String> jvmOptions, Class<?> main, String... arguments)
            throws IOException {
        return start(directory, agentOptions, Map.of(), jvmOptions, main, arguments);
    }

    static Unmodified start(
            Path directory,
            Path agent,
            String agentOptions,
            List<String> jvmOptions,
            Class<?> main,
            String... arguments)
            throws IOException {
        return start(directory, agent, agentOptions, Map.of(), jvmOptions, main, arguments);
    }

    static Unmodified start(
            Path directory,
            String agentOptions,
            Map<String, String> environment,
            List<String> jvmOptions,
            Class<?> main,
            String... arguments)
            throws IOException {
        var jar = Path.of(Objects.requireNonNull(System.getProperty("baton.agent")));
        return start(directory, jar, agentOptions, environment, jvmOptions, main, arguments);
    }

    private static Unmodified start(
            Path directory,
            Path agent,
            String agentOptions,
            Map<String, String> environment,
            List<String> jvmOptions,
            Class<?> main,
            String... arguments)
            throws IOException {
        var port = freePort();
        var command =
                new ArrayList<>(List.of(java(), "-javaagent:" + agent + agentOptions, "--illegal-native-access=deny"));
        command.addAll(SHORT_LIVED);
        command.addAll(jvmOptions);
        command.addAll(List.of("-cp", classPath(), main.getName(), Integer.toString(port)));
        command.addAll(List.of(arguments));
        var app = start(directory, port, command, environment);
        await().atMost(LIMIT).until(() -> app.answers() || !app.first.isAlive());
        return app;
    }

    /** Starts an executable jar whose manifest names the agent, which finds its options in the environment. */
    static Unmodified startJar(Path directory, Path jar) throws IOException {
        var port = freePort();
        var environment = Map.of(
                "BATON_NAME",
                "app",
                "BATON_CONTROL_SOCKET",
                directory.resolve("app.sock").toString(),
                "BATON_WATCH",
                "0.5");
        var command = List.of(java(), "--illegal-native-access=deny", "-jar", jar.toString(), Integer.toString(port));
        var app = start(directory, port, command, environment);
        await().atMost(LIMIT).until(() -> app.answers() || !app.first.isAlive());
        return app;
    }

    private static Unmodified start(Path directory, int port, List<String> command, Map<String, String> environment)
            throws IOException {
        var builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("app.log").toFile());
        builder.environment().putAll(environment);
        var process = builder.start();
        return new Unmodified(directory, new InetSocketAddress(InetAddress.getLoopbackAddress(), port), process);
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin/java").toString();
    }

    private static String options(Path directory) {
        return "=name=app,control-socket=" + directory.resolve("app.sock") + ",shutdown-timeout=20,watch=0.5";
    }

    /** That of the tests without the agent, which an application has only where it was told to. */
    static String classPath() {
        var path = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return Arrays.stream(path.split(File.pathSeparator))
                .filter(entry -> !entry.endsWith("baton-agent.jar") && !entry.endsWith("baton-agent/target/classes"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static int freePort() throws IOException {
        try (var free = new ServerSocket(0)) {
            return free.getLocalPort();
        }
    }

    public InetSocketAddress address() {
        return address;
    }

    Path directory() {
        return directory;
    }

    public boolean answers() {
        try (var client = new Socket(address.getAddress(), address.getPort())) {
            client.setSoTimeout(5000);
            client.getOutputStream()
                    .write("GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n".getBytes(US_ASCII));
            return new String(client.getInputStream().readAllBytes(), US_ASCII).endsWith("Hello, world!\n");
        } catch (IOException e) {
            return false;
        }
    }

    private boolean listens() {
        try (var _ = new Socket(address.getAddress(), address.getPort())) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    public String log() throws IOException {
        return Files.readString(log);
    }

    public Message.@Nullable StatusReply status() {
        try (var client = ControlClient.connect(socket)) {
            client.send(new Message.Status());
            return client.receive(Duration.ofSeconds(5)) instanceof Message.StatusReply reply ? reply : null;
        } catch (IOException e) {
            return null;
        }
    }

    /** Waits until a generation is the incumbent and can be restarted. */
    public Message.StatusReply awaitIncumbent(int generation) {
        return Objects.requireNonNull(await("generation " + generation + " is the incumbent")
                .atMost(LIMIT)
                .until(
                        this::status,
                        status -> status != null
                                && status.generation() == generation
                                && !status.state().equals("preparing")
                                && status.phase().equals("idle")));
    }

    /** Asks for a restart as {@code kill -HUP} does, and waits until the next generation has settled. */
    public void restartBySignal(int from) throws Exception {
        var pid = awaitIncumbent(from).pid();
        assertThat(new ProcessBuilder("kill", "-HUP", Long.toString(pid))
                        .start()
                        .waitFor())
                .isZero();
        var _ = awaitIncumbent(from + 1);
        await("pid " + pid + " has ended")
                .atMost(LIMIT)
                .until(() -> ProcessHandle.of(pid).isEmpty());
    }

    /** Asks for a restart over the control socket and waits for its outcome. */
    public Message.Outcome restart() throws IOException {
        try (var client = ControlClient.connect(socket)) {
            client.send(new Message.Restart());
            while (true) {
                var message = client.receive(LIMIT);
                if (message instanceof Message.Outcome outcome) {
                    return outcome;
                }
                assertThat(message).isInstanceOf(Message.Progress.class);
            }
        }
    }

    Process process() {
        return first;
    }

    @Override
    public void close() {
        var now = status();
        if (now != null) {
            ProcessHandle.of(now.pid()).ifPresent(ProcessHandle::destroyForcibly);
        }
        first.descendants().forEach(ProcessHandle::destroyForcibly);
        first.destroyForcibly();
    }
}

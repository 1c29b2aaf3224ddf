package dev.baton.benchmarks;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where one server runs: a directory, a port of the loopback interface, and the processes that were started here. Each is
 * the leader of a session of its own, and so whatever it starts, and what that starts, can be told from its session,
 * whoever its parent is by then.
 *
 * <p>Every wait has the same limit, and tells what was waited for when it has passed. The first line of an exception's
 * message is for everybody; what the server has logged comes behind it. Not thread-safe, but for
 * {@link #memoryKib()}.
 */
final class Site implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Duration GLANCE = Duration.ofMillis(10);
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(2);
    private static final int LOG_TAIL = 400;
    private static final Pattern PID = Pattern.compile("(?i)\r\nx-pid: *(\\d+)\r\n");

    private final Path directory;
    private final int port;
    private final List<Long> started = new ArrayList<>();
    private volatile List<Long> sessions = List.of();
    /** However this program ends, also by Ctrl-C, nothing is left running. */
    private final Thread atExit = Thread.ofPlatform().unstarted(this::kill);

    private int generation = 1;

    /**
     * A site without a process.
     *
     * @param directory made here, and deleted with the site
     */
    Site(Path directory) throws IOException {
        this.directory = Files.createDirectory(directory);
        // Workers of some servers are another user's processes, and read files here.
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        this.port = freePort();
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    int port() {
        return port;
    }

    /** The number of the generation that was started last, or is about to be. */
    int generation() {
        return generation;
    }

    void nextGeneration() {
        generation++;
    }

    // --- files ---

    String path(String name) {
        return directory.resolve(name).toString();
    }

    boolean exists(String name) {
        return Files.exists(directory.resolve(name));
    }

    /** A directory that outlives the site, for what need not be made twice. */
    String cache(String name) throws IOException {
        return Files.createDirectories(directory.resolveSibling(name + "-cache"))
                .toString();
    }

    void write(String name, String text) throws IOException {
        var file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    /** Copies a resource, with the port, the directory and the generation in place of their names, and these. */
    void resource(String name, Map<String, String> more) throws IOException {
        var values = new HashMap<>(more);
        values.put("dir", directory.toString());
        values.put("port", Integer.toString(port));
        values.put("generation", Integer.toString(generation));
        try (var in = Site.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("the resource " + name + " is missing");
            }
            var text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (var value : values.entrySet()) {
                text = text.replace("${" + value.getKey() + "}", value.getValue());
            }
            write(name, text);
        }
    }

    /** The number in a file; 0 if there is none. */
    long pidIn(String name) {
        try {
            return Long.parseLong(Files.readString(directory.resolve(name)).strip());
        } catch (IOException | NumberFormatException e) {
            return 0;
        }
    }

    // --- processes ---

    /** The process that was started first. */
    long first() {
        return started.getFirst();
    }

    /** The process that was started last. */
    long last() {
        return started.getLast();
    }

    long start(String... command) throws IOException {
        return start(List.of(command));
    }

    /** Starts a command in a session of its own, with its output in the site's log. */
    long start(List<String> command) throws IOException {
        var all = new ArrayList<>(List.of("setsid"));
        all.addAll(command);
        var log = ProcessBuilder.Redirect.appendTo(directory.resolve("log").toFile());
        var pid = new ProcessBuilder(all)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start()
                .pid();
        started.add(pid);
        sessions = List.copyOf(started);
        return pid;
    }

    /** The path of a program on PATH; the name itself when there is none. */
    static String program(String name) {
        return Stream.of(System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(File.pathSeparator, -1))
                .map(entry -> Path.of(entry, name))
                .filter(Files::isExecutable)
                .map(Path::toString)
                .findFirst()
                .orElse(name);
    }

    /** Runs a command to its end. */
    void run(Map<String, String> environment, String... command) throws IOException {
        var _ = output(environment, command);
    }

    /** The first line a command writes. */
    static String firstLine(String... command) throws IOException {
        return output(Map.of(), command).lines().findFirst().orElse("").strip();
    }

    private static String output(Map<String, String> environment, String... command) throws IOException {
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        var process = builder.start();
        try (var in = process.getInputStream()) {
            var text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(command[0] + " failed\n" + text.strip());
            }
            return text;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while " + command[0] + " ran", e);
        } finally {
            process.destroyForcibly();
        }
    }

    void signal(String signal, long pid) throws IOException {
        if (pid <= 0) {
            throw new IOException("there is no process to be sent SIG" + signal);
        }
        run(Map.of(), "sh", "-c", "kill -" + signal + " " + pid);
    }

    /** The processes of this site that a process of it has started and that still live. */
    List<Long> childrenOf(long pid) {
        return ProcessHandle.of(pid).stream()
                .flatMap(ProcessHandle::children)
                .map(ProcessHandle::pid)
                .toList();
    }

    /** Which of these processes of this site still live. */
    List<Long> liveOf(List<Long> pids) {
        return Proc.inSessions(sessions).stream().filter(pids::contains).toList();
    }

    /** How many processes there are. */
    int processes() {
        return Proc.inSessions(sessions).size();
    }

    /** What they occupy: pages that several share count in part for each. May be asked by any thread. */
    long memoryKib() {
        return Proc.inSessions(sessions).stream().mapToLong(Proc::memoryKib).sum();
    }

    // --- waiting ---

    void await(String what, BooleanSupplier condition) throws IOException {
        var end = System.nanoTime() + LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new IOException("waited " + LIMIT.toSeconds() + " s in vain for " + what + logTail());
            }
            if (Thread.interrupted()) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while waiting for " + what);
            }
            pause(GLANCE);
        }
    }

    void awaitEnd(long pid) throws IOException {
        await(
                "the end of pid " + pid,
                () -> !ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }

    void awaitAnswer(int port) throws IOException {
        await("an answer from port " + port, () -> answering(port) > 0);
    }

    void pause(Duration time) {
        var end = System.nanoTime() + time.toNanos();
        for (long left = time.toNanos();
                left > 0 && !Thread.currentThread().isInterrupted();
                left = end - System.nanoTime()) {
            LockSupport.parkNanos(this, left);
        }
    }

    /** Asks once, on a connection of its own, who answers there; 0 if nobody does. */
    long answering(int port) {
        try (var socket = new Socket()) {
            socket.connect(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), port), (int) ANSWER_LIMIT.toMillis());
            socket.setSoTimeout((int) ANSWER_LIMIT.toMillis());
            socket.getOutputStream()
                    .write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            var pid = PID.matcher(answer);
            return answer.startsWith("HTTP/1.1 200") && pid.find() ? Long.parseLong(pid.group(1)) : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    int freePort() {
        try (var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return probe.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String logTail() {
        try {
            var log = Files.readString(directory.resolve("log"), StandardCharsets.ISO_8859_1)
                    .strip();
            return "\n" + log.substring(Math.max(0, log.length() - LOG_TAIL));
        } catch (IOException e) {
            return "";
        }
    }

    /** Kills what is left, and says whether nothing was. */
    private boolean kill() {
        var left = Proc.inSessions(sessions);
        left.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
        return left.isEmpty();
    }

    /** Kills what was started here, and deletes the directory. */
    @Override
    public void close() throws IOException {
        await("the end of what was killed", this::kill);
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException e) {
            // It is running already.
        }
        try (var files = Files.walk(directory)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}

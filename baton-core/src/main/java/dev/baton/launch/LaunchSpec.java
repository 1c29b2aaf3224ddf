package dev.baton.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * How to start a program. {@link #ofThisProcess()} says how to start this one once more, the way its operator did; take a
 * fresh one for each launch, so that whatever changed on disk since then is followed.
 *
 * @param command program and arguments. A program with a slash is a path, relative to the directory; one without is looked
 *     up on the PATH of the environment. A byte that is not UTF-8 stands as the lone surrogate U+DC00 + byte
 * @param environment every variable the program will have
 * @param directory where it starts
 */
public record LaunchSpec(List<String> command, Map<String, String> environment, Path directory) {
    /*
     * What an operator deploys is often a symbolic link that moves: /srv/app/current, /opt/java. The kernel tells what such
     * a link led to when this process started, which is the old release. So the spelling is kept, and resolved anew at
     * each launch:
     *
     *   program    argv[0] as typed; only when nothing is there, what /proc/self/exe names
     *   directory  $PWD, which a shell spells as the operator did, if at class-load it was the directory this process is
     *              in; else what /proc/self/cwd names. PWD is told to the successor, so it can do the same
     *   @argfiles, -cp app.jar  stay as typed, and are read anew by the successor
     */
    private static final Optional<Path> LOGICAL_DIRECTORY = logicalDirectory();

    /** Copies what it is given, and makes the directory absolute. */
    public LaunchSpec {
        command = List.copyOf(command);
        environment = Map.copyOf(environment);
        directory = directory.toAbsolutePath();
        if (command.isEmpty()) throw new IllegalArgumentException("a command needs a program");
    }

    /**
     * How this process was started, as its operator would do it again: same command line, the operator's spelling of the
     * working directory, this process' environment. Load this class early, before anybody moves a link: whether
     * {@code $PWD} can be believed is found out then.
     *
     * @return a fresh specification
     * @throws IOException if /proc cannot be read
     */
    public static LaunchSpec ofThisProcess() throws IOException {
        return ofThisProcess(LOGICAL_DIRECTORY.isPresent() ? LOGICAL_DIRECTORY.get() : physicalDirectory());
    }

    /**
     * How this process was started, in a directory of choice.
     *
     * @param directory where to start
     * @return a fresh specification
     * @throws IOException if /proc cannot be read
     */
    public static LaunchSpec ofThisProcess(Path directory) throws IOException {
        return new LaunchSpec(Arguments.ofThisProcess(), System.getenv(), directory);
    }

    /**
     * Adds a variable, or replaces it.
     *
     * @param variable its name
     * @param value its value
     * @return a specification with it
     */
    public LaunchSpec with(String variable, String value) {
        return with(Map.of(variable, value));
    }

    /**
     * Adds or replaces variables, say those of an {@link EnvironmentFile}.
     *
     * @param variables what comes on top
     * @return a specification with them
     */
    public LaunchSpec with(Map<String, String> variables) {
        var all = new LinkedHashMap<>(environment);
        all.putAll(variables);
        return new LaunchSpec(command, all, directory);
    }

    /**
     * Takes a variable away.
     *
     * @param variable its name
     * @return a specification without it
     */
    public LaunchSpec without(String variable) {
        var rest = new LinkedHashMap<>(environment);
        rest.remove(variable);
        return new LaunchSpec(command, rest, directory);
    }

    /**
     * Starts it, with the standard streams of this process and no other descriptor. Variables of this process that are
     * passed on unchanged keep their bytes, whatever the locale. Arguments always do, through {@code /bin/sh} where the
     * locale has no way to write them. A directory or a new variable the locale can not write is refused.
     *
     * @return the process, running in this process' session and group
     * @throws IOException if it could not be started; the message says what, where and why. That a program starts does not
     *     mean that it works
     */
    public Process start() throws IOException {
        var program = program();
        var complete = with("PWD", directory.toString());
        try {
            if (!Files.exists(directory)) throw new IOException("no such directory");
            if (!Files.isDirectory(directory)) throw new IOException("that is not a directory");
            check(program);
            var builder = new ProcessBuilder(commandFor(program))
                    .directory(directory.toFile())
                    .inheritIO();
            complete.applyTo(builder.environment());
            return builder.start();
        } catch (IOException e) {
            throw failure(program, Reason.of(e.getCause() instanceof IOException cause ? cause : e), e);
        } catch (LinkageError e) {
            throw failure(program, String.valueOf(e.getMessage()), e);
        }
    }

    /**
     * What would be started now.
     *
     * @return the program's path, or where it would have to be
     * @throws IOException if this process cannot be looked at
     */
    public Path program() throws IOException {
        var named = command.getFirst();
        var candidates = named.contains("/")
                ? Stream.of(directory.resolve(named))
                : Stream.of(environment.getOrDefault("PATH", "/usr/bin:/bin").split(File.pathSeparator, -1))
                        .map(entry -> directory.resolve(entry).resolve(named));
        var found = candidates.filter(LaunchSpec::isProgram).findFirst();
        if (found.isPresent()) return found.get();
        if (named.equals(Arguments.ofThisProcess().getFirst())) {
            var own = Files.readSymbolicLink(Path.of("/proc/self/exe"));
            if (isProgram(own)) return own;
        }
        return named.contains("/") ? directory.resolve(named) : Path.of(named);
    }

    private static boolean isProgram(Path path) {
        return Files.isRegularFile(path) && Files.isExecutable(path);
    }

    private static void check(Path program) throws IOException {
        if (!program.isAbsolute() && program.getNameCount() == 1) throw new IOException("no such program on PATH");
        if (!Files.exists(program)) throw new IOException("no such file");
        if (!Files.isRegularFile(program)) throw new IOException("that is not a file");
        if (!Files.isExecutable(program)) throw new IOException("it may not be executed");
    }

    /** The JDK starts processes by a helper beside it, so one that was replaced under a running JVM can start none. */
    private IOException failure(Path program, String reason, Throwable cause) {
        var home = Path.of(System.getProperty("java.home"));
        var remedy = Files.exists(home.resolve("lib/jspawnhelper"))
                ? ""
                : "; the Java this process runs on is gone from " + home
                        + ", so it can start nothing any more: put it back, or stop this process and start it by hand";
        return new IOException("cannot start " + program + " in " + directory + ": " + reason + remedy, cause);
    }

    /** {@return command and directory, for a log; not the environment, which may hold secrets} */
    @Override
    public String toString() {
        return String.join(" ", command) + " in " + directory;
    }

    /** A bare name stays one, for the generation after next, where it leads to the program found. */
    private List<String> commandFor(Path program) {
        boolean bare = !command.getFirst().contains("/") && program.endsWith(command.getFirst());
        boolean samePath = Objects.equals(environment.get("PATH"), System.getenv("PATH"));
        var all = Stream.concat(
                        Stream.of(bare && samePath ? command.getFirst() : program.toString()),
                        command.stream().skip(1))
                .toList();
        return all.stream().allMatch(Arguments::passesUnchanged) ? all : Arguments.throughShell(all);
    }

    /** Leaves variables alone that stay as they are: the JDK keeps the bytes of those. */
    private void applyTo(Map<String, String> inherited) throws IOException {
        inherited.keySet().retainAll(environment.keySet());
        for (var entry : environment.entrySet()) {
            if (entry.getValue().equals(inherited.get(entry.getKey()))) continue;
            if (!Arguments.passesUnchanged(entry.getKey()) || !Arguments.passesUnchanged(entry.getValue()))
                throw new IOException("this process' locale cannot write the variable " + entry.getKey()
                        + "; start this process with LC_ALL=C.UTF-8");
            inherited.put(entry.getKey(), entry.getValue());
        }
    }

    private static Path physicalDirectory() throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/cwd"));
    }

    private static Optional<Path> logicalDirectory() {
        try {
            var pwd = System.getenv("PWD");
            if (pwd == null || !pwd.startsWith("/")) return Optional.empty();
            var path = Path.of(pwd);
            return Files.isSameFile(path, Path.of("/proc/self/cwd")) ? Optional.of(path) : Optional.empty();
        } catch (IOException | InvalidPathException e) {
            return Optional.empty();
        }
    }
}

package dev.baton.linux;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Another JVM with the class path of this one, killed after 40 seconds so that nobody waits for its words for ever. Closing
 * kills it with SIGKILL and waits until it has gone.
 */
final class ChildJvm implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;

    private ChildJvm(Process process) {
        this.process = process;
        this.output = process.inputReader();
    }

    static ChildJvm run(Class<?> main, String... arguments) throws IOException {
        return start(List.of(), main, arguments);
    }

    static ChildJvm runWithDescriptorLimit(int limit, Class<?> main, String... arguments) throws IOException {
        return start(List.of("sh", "-c", "ulimit -n " + limit + " && exec \"$@\"", "sh"), main, arguments);
    }

    private static ChildJvm start(List<String> before, Class<?> main, String... arguments) throws IOException {
        var command = new ArrayList<>(before);
        command.addAll(List.of(
                System.getProperty("java.home") + "/bin/java",
                "--enable-native-access=ALL-UNNAMED",
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(List.of(arguments));
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        CompletableFuture.delayedExecutor(40, TimeUnit.SECONDS).execute(process::destroyForcibly);
        return new ChildJvm(process);
    }

    long pid() {
        return process.pid();
    }

    /** The next line it prints; an error if it ends first. */
    String line() throws IOException {
        var line = output.readLine();
        if (line == null) {
            throw new AssertionError("the child JVM ended without another word");
        }
        return line;
    }

    /** Everything it prints until it ends by itself. */
    List<String> linesToTheEnd() {
        return output.lines().toList();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                throw new AssertionError("process " + pid() + " survived SIGKILL for 30 seconds");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

package dev.baton.cli;

import dev.baton.launch.LaunchSpec;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A command that says whether a handover may be begun: by its exit code, with what it prints as the reason. */
record ConfigurationTest(String command, Duration limit) implements Supervisor.Check {
    private static final int LAST_LINES = 10;
    private static final int LAST_CHARACTERS = 1_000;

    @Override
    public void run(LaunchSpec spec) throws IOException {
        var output = Files.createTempFile("baton-check", ".log");
        try {
            var builder = new ProcessBuilder(List.of("/bin/sh", "-c", command))
                    .directory(spec.directory().toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile());
            builder.environment().clear();
            builder.environment().putAll(spec.environment());
            var process = builder.start();
            try {
                if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new IOException("the test '" + command + "' has not ended after " + limit.toMillis() / 1000.0
                            + " s" + said(new String(Files.readAllBytes(output), StandardCharsets.UTF_8)));
                }
                if (process.exitValue() != 0) {
                    throw new IOException("the test '" + command + "' failed with exit code " + process.exitValue()
                            + said(new String(Files.readAllBytes(output), StandardCharsets.UTF_8)));
                }
            } finally {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("the test '" + command + "' was interrupted", e);
        } finally {
            Files.deleteIfExists(output);
        }
    }

    private static String said(String output) {
        var lines = output.strip().lines().toList();
        var last = String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
        return last.isEmpty() ? "" : ": " + last.substring(Math.max(0, last.length() - LAST_CHARACTERS));
    }
}

package dev.baton.it;

import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * An archive of the classes of Baton and of what it uses (class data sharing, JEP 310), from which the JVMs of the tests start:
 * most of what these tests take is starting JVMs, and this is two thirds of it. A JVM with another class path does without.
 */
final class Archive {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** That of the tests, and first what is in jars: an archive knows nothing else. */
    static final String CLASS_PATH = Arrays.stream(
                    System.getProperty("java.class.path").split(File.pathSeparator))
            .sorted(Comparator.comparing(entry -> !entry.endsWith(".jar")))
            .collect(Collectors.joining(File.pathSeparator));

    /** What a JVM needs that starts from it: nothing where it could not be made. */
    static final List<String> OPTIONS = make(Path.of("target/it.jsa").toAbsolutePath());

    private Archive() {}

    /** Lets a JVM that has served write down what it has loaded. */
    private static List<String> make(Path file) {
        try {
            Files.deleteIfExists(file);
            var directory = Files.createTempDirectory("archive");
            var socket = directory.resolve("hello.sock");
            var command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-XX:ArchiveClassesAtExit=" + file,
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "--enable-native-access=ALL-UNNAMED",
                    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                    "-cp",
                    jars()));
            command.addAll(List.of("dev.baton.cli.Main", "hello", "--address", "127.0.0.1:0", "--control-socket"));
            command.add(socket.toString());
            var hello = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("log").toFile())
                    .start();
            try {
                // This class is being initialized, for which another thread would wait.
                await().atMost(LIMIT)
                        .pollInSameThread()
                        .ignoreExceptions()
                        .until(() -> Deployment.status(socket).state().equals("serving"));
                hello.destroy();
                hello.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS);
            } finally {
                hello.destroyForcibly();
                delete(directory);
            }
            // It says much about what it does without.
            return Files.exists(file)
                    ? List.of("-XX:SharedArchiveFile=" + file, "-Xlog:cds=off", "-Xlog:aot=off")
                    : List.of();
        } catch (IOException | InterruptedException | RuntimeException e) {
            System.err.println("the tests go without an archive of classes: " + e);
            return List.of();
        }
    }

    private static void delete(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    private static String jars() {
        return Arrays.stream(CLASS_PATH.split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar"))
                .collect(Collectors.joining(File.pathSeparator));
    }
}

package dev.baton.examples.servers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * An example as its build left it.
 *
 * @param command what follows {@code java}, where {@code PORT} stands for the port
 * @param jars the names of the jars it is made of
 */
record Program(List<String> command, List<String> jars) {
    private static final Path EXAMPLES = Path.of("..").toAbsolutePath().normalize();
    private static final String PACKAGE = "dev.baton.examples.servers.";

    /** A main class, with the class path of its module. */
    static Program main(String module, String main, String... arguments) {
        return main(module, main, List.of(), Stream.concat(Stream.of("PORT"), Stream.of(arguments)));
    }

    /** A main class that is told its port by a system property. */
    static Program mainWithProperty(String module, String main, String property) {
        return main(module, main, List.of("-D" + property + "=PORT"), Stream.of());
    }

    private static Program main(String module, String main, List<String> options, Stream<String> arguments) {
        try {
            var target = EXAMPLES.resolve(module).resolve("target");
            var classPath = Files.readString(target.resolve("classpath")).strip();
            var command = new ArrayList<>(options);
            command.addAll(List.of("-cp", target.resolve("classes") + ":" + classPath, PACKAGE + main));
            command.addAll(arguments.toList());
            return new Program(command, List.of(classPath.split("[/:]")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Spring Boot's jar, which holds all others. */
    static Program springBoot(String module) {
        var jar = EXAMPLES.resolve(module).resolve("target/hello-" + module + ".jar");
        try (var zip = new ZipFile(jar.toFile())) {
            var inside = zip.stream()
                    .map(ZipEntry::getName)
                    .map(name -> name.substring(name.lastIndexOf('/') + 1))
                    .toList();
            return new Program(List.of("-jar", jar.toString(), "--server.port=PORT"), inside);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Quarkus' jar, which names those beside it. */
    static Program quarkus(String module) {
        var app = EXAMPLES.resolve(module).resolve("target/quarkus-app");
        try (var beside = Files.list(app.resolve("lib/main"))) {
            var jars = beside.map(jar -> jar.getFileName().toString()).toList();
            var jar = app.resolve("quarkus-run.jar").toString();
            return new Program(List.of("-Dquarkus.http.port=PORT", "-jar", jar), jars);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<String> command(int port) {
        return command.stream()
                .map(word -> word.replace("PORT", Integer.toString(port)))
                .toList();
    }

    /** {@return the version of one of its jars} */
    String version(String artifact) {
        var name = Pattern.compile("(?:.*\\.)?" + Pattern.quote(artifact) + "-(\\d.*)\\.jar");
        return jars.stream()
                .map(name::matcher)
                .filter(jar -> jar.matches())
                .map(jar -> jar.group(1))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no " + artifact + " in " + jars));
    }
}

package dev.baton.benchmarks;

import dev.baton.cli.HelloHandler;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Commands that start a JVM of the same kind as this one. */
final class Java {
    private static final String PROGRAM =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    private Java() {}

    /** Baton's command line, as {@code ./baton} starts it. */
    static List<String> baton(List<String> options, String... arguments) {
        var command = new ArrayList<>(List.of(
                PROGRAM, "--enable-native-access=ALL-UNNAMED", "--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED"));
        command.addAll(options);
        command.addAll(List.of("-cp", placeOf(HelloHandler.class), "dev.baton.cli.Main"));
        command.addAll(List.of(arguments));
        return command;
    }

    /** A Jetty that knows nothing of Baton. */
    static List<String> jetty(String... arguments) {
        var command = new ArrayList<>(List.of(PROGRAM, "-cp", JettyServer.classPath(), JettyServer.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    static String versionOfBaton() {
        var number = HelloHandler.class.getPackage().getImplementationVersion();
        return "Baton " + (number == null ? "as built here" : number) + " on " + version();
    }

    static String version() {
        return System.getProperty("java.vendor.version", "Java") + " (" + Runtime.version() + ")";
    }

    static String placeOf(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (URISyntaxException e) {
            throw new IllegalStateException("where " + type + " comes from cannot be told", e);
        }
    }
}

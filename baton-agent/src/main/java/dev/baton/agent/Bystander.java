package dev.baton.agent;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A JVM that a supervisor's agent came to and that is not the application to be supervised. Where a start script stands in
 * between, the agent is in the environment, and every {@code java} below finds it there.
 */
final class Bystander {
    /** The one reason an operator may be surprised by: the library may be there and unused. */
    static final String TAKES_PART = "the application takes part by itself, with Baton's library";

    private static final String TOKEN = "BATON_TOKEN";
    private static final Pattern LIBRARY = Pattern.compile("(.*/)?baton-core[^/]*\\.jar");
    private static final int LONGEST_CHAIN = 64;

    private Bystander() {}

    /**
     * Why this process is none of the agent's business.
     *
     * @param environment its environment
     * @return the reason in words, or empty when the agent is to take part
     */
    static Optional<String> reason(Map<String, String> environment) {
        var command = System.getProperty("sun.java.command");
        if (command == null) {
            return Optional.of("it runs no program"); // java -version
        }
        var token = environment.get(TOKEN);
        if (token == null) {
            return Optional.of("no supervisor has started it");
        }
        if (hasLibrary(System.getProperty("java.class.path", ""))) {
            return Optional.of(TAKES_PART);
        }
        return isBelowAnother(token) ? Optional.of("the application has started it") : Optional.empty();
    }

    /** Looks where class loaders would, and into an executable jar that carries its libraries. */
    private static boolean hasLibrary(String classPath) {
        if (ClassLoader.getSystemResource("dev/baton/Baton.class") != null) {
            return true;
        }
        if (classPath.contains(File.pathSeparator) || !classPath.endsWith(".jar")) {
            return false;
        }
        try (var jar = new JarFile(classPath)) {
            return jar.stream()
                    .anyMatch(entry -> LIBRARY.matcher(entry.getName()).matches());
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether a JVM that was started with the same token stands between this process and the supervisor. */
    private static boolean isBelowAnother(String token) {
        var process = ProcessHandle.current().parent();
        for (int i = 0; i < LONGEST_CHAIN && process.isPresent(); i++) {
            var pid = process.get().pid();
            if (!(read(pid, "environ") + "\0").contains(TOKEN + "=" + token + "\0")) {
                return false;
            }
            var program = program(pid);
            if (program != null && program.endsWith("java")) {
                return true;
            }
            process = process.get().parent();
        }
        return false;
    }

    private static String read(long pid, String what) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), what), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    private static @Nullable Path program(long pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "exe"));
        } catch (IOException e) {
            return null;
        }
    }
}

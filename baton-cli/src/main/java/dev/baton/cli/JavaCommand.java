package dev.baton.cli;

import java.io.IOException;
import java.lang.Runtime.Version;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A command line that runs a Java application, and what is put into it: the agent, and the file of options.
 *
 * <p>Where the program is a {@code java}, both stand right behind it, and only this JVM gets them. Where it is a script, or
 * anything else that becomes or starts a {@code java}, they go into the variable {@code JDK_JAVA_OPTIONS}, which that
 * launcher reads (and says so on stderr). Not {@code JAVA_TOOL_OPTIONS}: that one is read by {@code javac}, {@code jcmd}
 * and all other tools of the JDK as well, which a start script may call.
 */
record JavaCommand(List<String> words, Optional<Path> agent, String agentOptions, Optional<Path> optionsFile) {
    private static final String VARIABLE = "JDK_JAVA_OPTIONS";
    private static final int OLDEST_JAVA = 25;

    /**
     * The command line to start now.
     *
     * @param directory where it starts
     * @return program and arguments
     * @throws IOException if the agent or the file of options cannot be read
     */
    List<String> command(Path directory) throws IOException {
        var added = added(directory);
        if (!isLauncher() || added.isEmpty()) {
            return words;
        }
        var all = new ArrayList<String>();
        all.add(words.getFirst());
        all.addAll(added);
        all.addAll(words.subList(1, words.size()));
        return all;
    }

    /**
     * The environment to start it with.
     *
     * @param environment what it would be without
     * @param directory where it starts
     * @return the same, with what is added
     * @throws IOException if the agent or the file of options cannot be read
     */
    Map<String, String> environment(Map<String, String> environment, Path directory) throws IOException {
        var added = added(directory);
        if (isLauncher() || added.isEmpty()) {
            return environment;
        }
        var all = new LinkedHashMap<>(environment);
        var options = added.stream().map(JavaCommand::quoted).collect(Collectors.joining(" "));
        all.merge(VARIABLE, options, (before, more) -> before.isBlank() ? more : before + " " + more);
        return all;
    }

    /**
     * Refuses a {@code java} that is too old for the agent. Behind a script the agent itself says so.
     *
     * @param program what the command line starts
     * @throws IOException why it must not be started
     */
    void check(Path program) throws IOException {
        if (!isLauncher() || agent.isEmpty()) {
            return;
        }
        var version = version(program);
        if (version != null
                && (version.startsWith("1.") || Version.parse(version).feature() < OLDEST_JAVA)) {
            throw new IOException(program + " is Java " + version + ", and the agent needs " + OLDEST_JAVA
                    + " or later; name a newer one in its place, such as " + System.getProperty("java.home")
                    + "/bin/java");
        }
    }

    /** What the file beside every JDK says, read without starting it; null if it does not say. */
    private static @Nullable String version(Path program) throws IOException {
        var properties = new Properties();
        try (var release = Files.newBufferedReader(
                program.toRealPath().resolve("../../release").normalize())) {
            properties.load(release);
        } catch (NoSuchFileException e) {
            return null;
        }
        var quoted = properties.getProperty("JAVA_VERSION");
        return quoted == null ? null : quoted.replace("\"", "");
    }

    private boolean isLauncher() {
        var program = words.getFirst();
        return program.substring(program.lastIndexOf('/') + 1).equals("java");
    }

    private List<String> added(Path directory) throws IOException {
        var added = new ArrayList<String>();
        if (agent.isPresent() && words.stream().noneMatch(JavaCommand::isAgent)) {
            var jar = agent.get();
            if (!Files.isReadable(jar)) {
                throw new IOException("the agent cannot be read: " + jar
                        + "; build it (./baton help), name another one (--agent), or, for an application that uses Baton's"
                        + " library, leave it out (--no-agent)");
            }
            added.add("-javaagent:" + jar.toAbsolutePath() + "=" + agentOptions);
        }
        if (optionsFile.isPresent()) {
            var file = directory.resolve(optionsFile.get());
            if (!Files.isReadable(file)) {
                throw new IOException("the file of options cannot be read: " + file);
            }
            added.add("@" + file);
        }
        return added;
    }

    private static boolean isAgent(String word) {
        return word.startsWith("-javaagent:") && word.contains("baton-agent");
    }

    /** As the launcher reads it: blanks part, quotes of either kind hold together. */
    private static String quoted(String option) {
        return option.contains("\"") ? "'" + option + "'" : "\"" + option + "\"";
    }
}

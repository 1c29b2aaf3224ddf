package dev.baton.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaCommandTest {
    @TempDir
    private Path directory;

    private Path agent;
    private Path options;

    @BeforeEach
    void make() throws IOException {
        agent = Files.createFile(
                Files.createDirectory(directory.resolve("two words")).resolve("agent.jar"));
        options = Files.createFile(directory.resolve("options"));
    }

    private JavaCommand command(String... words) {
        return new JavaCommand(List.of(words), Optional.of(agent), "a=b", Optional.of(Path.of("options")));
    }

    @Test
    void shouldPutWhatIsAddedRightBehindJava() throws Exception {
        var command = command("/opt/jdk/bin/java", "@app.args", "-jar", "shop.jar");

        assertThat(command.command(directory))
                .containsExactly(
                        "/opt/jdk/bin/java",
                        "-javaagent:" + agent + "=a=b",
                        "@" + options,
                        "@app.args",
                        "-jar",
                        "shop.jar");
        assertThat(command.environment(Map.of("A", "1"), directory)).isEqualTo(Map.of("A", "1"));
    }

    @Test
    void shouldLeaveTheWordsOfAScriptAloneAndAddToTheVariable() throws Exception {
        var command = command("./start.sh", "java");

        assertThat(command.command(directory)).containsExactly("./start.sh", "java");
        assertThat(command.environment(Map.of("JDK_JAVA_OPTIONS", "-Dx=y"), directory))
                .isEqualTo(Map.of("JDK_JAVA_OPTIONS", "-Dx=y \"-javaagent:" + agent + "=a=b\" \"@" + options + "\""));
    }

    @Test
    void shouldNotAddASecondAgent() throws Exception {
        var command = command("java", "-javaagent:/opt/baton-agent.jar", "-jar", "shop.jar");

        assertThat(command.command(directory))
                .filteredOn(word -> word.startsWith("-javaagent:"))
                .hasSize(1);
    }

    @Test
    void shouldSayWhichAgentIsMissing() throws Exception {
        Files.delete(agent);

        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> command("java", "-version").command(directory))
                .withMessageContaining(agent.toString())
                .withMessageContaining("--no-agent");
    }
}

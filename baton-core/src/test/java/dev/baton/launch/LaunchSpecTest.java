package dev.baton.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 120, threadMode = ThreadMode.SEPARATE_THREAD)
class LaunchSpecTest {
    @TempDir
    Path temp;

    @Test
    void shouldStartThisProgramOnceMoreWithThreeHundredLongArgumentsEmptyAndSpacedOnesIncluded() throws Exception {
        var arguments = IntStream.range(0, 300)
                .mapToObj(i -> i % 50 == 0 ? "" : i % 7 == 0 ? " two  words\n" + i : "x".repeat(200) + i)
                .toArray(String[]::new);
        var command = Jvm.command(Jvm.java().toString(), Relaunched.class, List.of(), arguments);

        var output = Jvm.run(new ProcessBuilder(command));

        assertThat(argumentsOf(output)).isEqualTo(command);
    }

    @Test
    void shouldKeepBytesTheLocaleCannotWriteInArgumentsAndEnvironment() throws Exception {
        var plain = Jvm.command(Jvm.java().toString(), Relaunched.class, List.of(), "last");
        var script =
                "export ODD=$(printf '\\303\\377'); exec \"$@\" \"$(printf 'a\\377\\303\\251\\n.')\" 'back\\slash %s'";
        var command = new ArrayList<>(List.of("/bin/sh", "-c", script, "sh"));
        command.addAll(plain);
        for (var locale : List.of("C", "C.UTF-8")) {
            var builder = new ProcessBuilder(command);
            builder.environment().put("LC_ALL", locale);

            var output = Jvm.run(builder);

            assertThat(argumentsOf(output)).endsWith("last", "a\u00ff\u00c3\u00a9\n.", "back\\slash %s");
            assertThat(Relaunched.decode(value(output, "environ"))).contains("ODD=\u00c3\u00ff\0");
        }
    }

    @Test
    void shouldFollowALinkOfTheWorkingDirectoryThatMovedSinceTheStart() throws Exception {
        var releases = Files.createDirectories(temp.toRealPath().resolve("releases"));
        Files.createDirectory(releases.resolve("1"));
        Files.createDirectory(releases.resolve("2"));
        var current = Files.createSymbolicLink(releases.resolveSibling("current"), releases.resolve("1"));

        var output = Jvm.run(inShell("cd '" + current + "' && exec \"$@\"", "ln -sfn releases/2 '" + current + "'"));

        assertThat(value(output, "cwd")).isEqualTo(releases.resolve("2").toString());
        assertThat(value(output, "pwd")).isEqualTo(current.toString());
    }

    @Test
    void shouldNotBelieveAWorkingDirectoryInTheEnvironmentThatIsAnotherOne() throws Exception {
        var here = Files.createDirectory(temp.toRealPath().resolve("here"));
        var builder = new ProcessBuilder(Jvm.command(Jvm.java().toString(), Relaunched.class, List.of()));
        builder.directory(here.toFile()).environment().put("PWD", "/usr");

        var output = Jvm.run(builder);

        assertThat(value(output, "cwd")).isEqualTo(here.toString());
        assertThat(value(output, "pwd")).isEqualTo(here.toString());
    }

    @Test
    void shouldFollowALinkToTheProgramThatMovedSinceTheStart() throws Exception {
        var link = Files.createSymbolicLink(temp.resolve("java"), Jvm.java());
        var second = Files.writeString(temp.resolve("second"), "#!/bin/sh\necho second=\"$0\"\n");
        Files.setPosixFilePermissions(second, PosixFilePermissions.fromString("rwx------"));
        var first = "-Dfirst=ln -sfn '" + second + "' '" + link + "'";

        var output = Jvm.run(new ProcessBuilder(Jvm.command(link.toString(), Relaunched.class, List.of(first))));

        assertThat(value(output, "second")).isEqualTo(link.toString());
    }

    @Test
    void shouldTakeTheProgramThisProcessRunsWhenItsNameLeadsNowhereAnyMore() throws Exception {
        var link = Files.createSymbolicLink(temp.resolve("java"), Jvm.java());

        var output = Jvm.run(new ProcessBuilder(
                Jvm.command(link.toString(), Relaunched.class, List.of("-Dfirst=rm '" + link + "'"))));

        assertThat(Path.of(argumentsOf(output).getFirst())).isEqualTo(Jvm.java().toRealPath());
    }

    @Test
    void shouldLookUpABareNameOnThePathAndKeepItBare() throws Exception {
        var builder = new ProcessBuilder(
                "/bin/sh", "-c", "PATH='" + Jvm.java().getParent() + "':$PATH; export PATH; exec \"$@\"", "sh");
        builder.command().addAll(Jvm.command("java", Relaunched.class, List.of()));

        assertThat(argumentsOf(Jvm.run(builder)).getFirst()).isEqualTo("java");
    }

    @Test
    void shouldLookUpABareNameOnThePathTheProgramWillHave() throws Exception {
        var program = program("hello", "echo \"$0\" \"$GREETING\" > '" + temp.resolve("out") + "'");
        var spec = new LaunchSpec(List.of("hello"), Map.of("PATH", "/nowhere:" + temp, "GREETING", "hi"), temp);

        assertThat(spec.start().waitFor()).isZero();

        assertThat(temp.resolve("out")).hasContent(program + " hi");
    }

    @Test
    void shouldAddReplaceAndTakeAwayVariables() {
        var spec = new LaunchSpec(List.of("x"), Map.of("A", "1", "B", "2"), temp);

        assertThat(spec.with("A", "3").with(Map.of("C", "4")).without("B").environment())
                .isEqualTo(Map.of("A", "3", "C", "4"));
        assertThat(spec.environment()).isEqualTo(Map.of("A", "1", "B", "2"));
    }

    @Test
    void shouldKeepSecretsOfTheEnvironmentOutOfLogs() {
        var spec = new LaunchSpec(List.of("java", "-jar", "app.jar"), Map.of("PASSWORD", "hunter2"), temp);

        assertThat(spec).hasToString("java -jar app.jar in " + temp);
    }

    @Test
    void shouldPassOnNoVariableThatTheSpecificationLacks() throws Exception {
        program("show", "env > '" + temp.resolve("out") + "'");

        assertThat(new LaunchSpec(List.of("./show"), Map.of("ONLY", "this"), temp)
                        .start()
                        .waitFor())
                .isZero();

        assertThat(Files.readAllLines(temp.resolve("out"))).contains("ONLY=this", "PWD=" + temp);
        assertThat(Files.readString(temp.resolve("out"))).doesNotContain("HOME=");
    }

    @Test
    void shouldSayWhatWasToBeStartedWhereAndWhyItCouldNot() throws IOException {
        var text = Files.writeString(temp.resolve("text"), "no program");
        var broken = program("broken", "");
        Files.writeString(broken, "#!/nowhere/sh\n");

        assertFails("/nowhere/java", temp, "cannot start /nowhere/java in " + temp + ": no such file");
        assertFails("no-such-program", temp, "cannot start no-such-program in " + temp + ": no such program on PATH");
        assertFails("/bin/true", temp.resolve("x"), "cannot start /bin/true in " + temp + "/x: no such directory");
        assertFails("/bin/true", text, "cannot start /bin/true in " + text + ": that is not a directory");
        assertFails("/bin", temp, "cannot start /bin in " + temp + ": that is not a file");
        assertFails("./text", temp, "cannot start " + temp + "/./text in " + temp + ": it may not be executed");
        assertFails(broken.toString(), temp, "cannot start " + broken + " in " + temp + ": no such file or directory");
        assertThatThrownBy(() -> new LaunchSpec(List.of("/bin/true"), Map.of("A", "\udcff"), temp).start())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("locale cannot write the variable A; start this process with LC_ALL=C.UTF-8");
        assertThatThrownBy(() -> new LaunchSpec(List.of("/bin/true", "x".repeat(3_000_000)), Map.of(), temp).start())
                .isInstanceOf(IOException.class)
                .hasMessage("cannot start /bin/true in " + temp + ": argument list too long");
    }

    @Test
    void shouldTurnAnyBytesIntoTextAndBack() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int i = 0; i < 10_000; i++) {
            var bytes = new byte[random.nextInt(12)];
            random.nextBytes(bytes);
            if (random.nextBoolean()) bytes = Arrays.copyOf("é€😀ü".getBytes(StandardCharsets.UTF_8), bytes.length);
            assertThat(Arguments.encode(Arguments.decode(bytes)))
                    .as("seed %d", seed)
                    .isEqualTo(bytes);
        }
        assertThat(Arguments.decode("Zoë 😀".getBytes(StandardCharsets.UTF_8))).isEqualTo("Zoë 😀");
    }

    private void assertFails(String program, Path directory, String message) {
        assertThatThrownBy(() -> new LaunchSpec(List.of(program), Map.of("PATH", "/nowhere"), directory).start())
                .isInstanceOf(IOException.class)
                .hasMessage(message);
    }

    private Path program(String name, String script) throws IOException {
        var program = Files.writeString(temp.resolve(name), "#!/bin/sh\n" + script + "\n");
        return Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    }

    private static ProcessBuilder inShell(String script, String first) {
        var builder = new ProcessBuilder("/bin/sh", "-c", script, "sh");
        builder.command().addAll(Jvm.command(Jvm.java().toString(), Relaunched.class, List.of("-Dfirst=" + first)));
        return builder;
    }

    private static List<String> argumentsOf(String output) {
        return List.of(Relaunched.decode(value(output, "cmdline")).split("\0", -1)).reversed().stream()
                .skip(1)
                .toList()
                .reversed();
    }

    private static String value(String output, String name) {
        return output.lines()
                .filter(line -> line.startsWith(name + "="))
                .map(line -> line.substring(name.length() + 1))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + name + " in:\n" + output));
    }
}

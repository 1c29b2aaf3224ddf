package dev.baton.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The comparison in its shortest form, with those of a few servers that are installed. */
@Timeout(300)
class CompareIT {
    private static final List<String> OTHERS = List.of("nginx-reload", "haproxy", "httpd");

    @TempDir
    Path directory;

    private final StringWriter said = new StringWriter();
    private Path page;

    @BeforeEach
    void chooseAPage() {
        page = directory.resolve("comparison.md");
    }

    @Test
    void shouldTellOfEachServerWhatItsClientsSawOrWhatIsMissing() throws Exception {
        var exitCode = compare("--short", "--rate", "200", "--peers", "baton," + String.join(",", OTHERS));

        assertThat(exitCode).as(said.toString()).isZero();
        assertThat(page).content().contains("| Baton, `hello` | SIGHUP | **0** in 1 | 0.0 |");
        for (var other : OTHERS) {
            assertThat(page).content().contains("(`" + other + "`): ");
        }
        if (!said.toString().contains("no picture: ")) {
            assertThat(directory.resolve("comparison.svg")).content().contains("<svg", "<style>", "</svg");
        }
    }

    @Test
    void shouldLeaveTheTextAroundItAlone() throws Exception {
        Files.writeString(page, "before\n\n" + Page.BEGIN + "\nold\n" + Page.END + "\n\nafter\n");

        new Page(List.of(), Map.of(), new Measurement(1, 1, Duration.ZERO, Duration.ZERO), "", 0)
                .write(page, "picture.svg");

        assertThat(page)
                .content()
                .startsWith("before\n\n" + Page.BEGIN + "\n")
                .endsWith(Page.END + "\n\nafter\n")
                .doesNotContain("old");
    }

    @Test
    void shouldRefuseAServerItDoesNotKnow() {
        assertThat(compare("--peers", "baton,lighttpd")).isEqualTo(CommandLine.ExitCode.USAGE);
        assertThat(said.toString()).contains("there is no peer lighttpd; there are baton, ");
    }

    private int compare(String... options) {
        return new CommandLine(new Compare())
                .setErr(new PrintWriter(said, true))
                .execute(Stream.concat(List.of(options).stream(), List.of("--page", page.toString()).stream())
                        .toArray(String[]::new));
    }
}

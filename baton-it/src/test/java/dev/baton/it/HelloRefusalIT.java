package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an operator reads when a server cannot start. */
@Timeout(90)
class HelloRefusalIT {
    private static final int NOT_DONE = 1;

    @TempDir
    Path temporary;

    @Test
    void shouldSayInALineAndWithoutAStackTraceWhyItCannotListen() throws Exception {
        var nowhere = temporary.resolve("missing/hello.sock");
        var hello = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.baton.cli.Main",
                        "hello",
                        "--address",
                        nowhere.toString(),
                        "--control-socket",
                        temporary.resolve("control.sock").toString())
                .redirectErrorStream(true)
                .start();
        try {
            var text = new String(hello.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(hello.waitFor(60, TimeUnit.SECONDS)).as(text).isTrue();
            assertThat(text)
                    .contains("baton: cannot listen on " + nowhere + " as main: ", "ENOENT")
                    .doesNotContain("\tat ");
            assertThat(hello.exitValue()).as(text).isEqualTo(NOT_DONE);
        } finally {
            hello.destroyForcibly();
        }
    }
}

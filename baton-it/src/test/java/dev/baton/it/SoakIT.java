package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code baton demo --soak}, whose long form is described in docs/performance.md. */
class SoakIT {
    private static final int LIMIT_S = 300;

    @Test
    @Timeout(LIMIT_S + 30)
    void shouldLoseNothingAndGrowInNothingOverEightRestarts() throws Exception {
        var command = Site.batonCommand("demo", "--soak", "--restarts", "8", "--rate", "200");
        var soak = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            var text = new String(soak.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(soak.waitFor(LIMIT_S, TimeUnit.SECONDS)).as(text).isTrue();
            assertThat(text).contains("nothing lost", "nothing grows");
            assertThat(text).containsPattern("connections closed by restarts +0 ");
            assertThat(soak.exitValue()).as(text).isZero();
        } finally {
            // Politely, so that it takes the server it started along.
            soak.destroy();
        }
    }
}

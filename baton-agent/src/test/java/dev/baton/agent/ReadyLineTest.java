package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ReadyLineTest {
    private static final String OUTPUT = "Start\nStarted \u00e4pp\n";

    @Test
    void shouldFindTheTextHoweverItIsCut() {
        var bytes = OUTPUT.getBytes(StandardCharsets.UTF_8);
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
                var line = new ReadyLine("Started \u00e4pp");
                var _ = line.test(java.util.Arrays.copyOf(bytes, first));
                var _ = line.test(java.util.Arrays.copyOfRange(bytes, first, second));
                var _ = line.test(java.util.Arrays.copyOfRange(bytes, second, bytes.length));
                assertThat(line.awaited()).as("cut at %d and %d", first, second).isEmpty();
            }
        }
    }

    @Test
    void shouldWaitForTheWholeText() {
        var line = new ReadyLine("Started");
        assertThat(line.test("Start\ned".getBytes(StandardCharsets.UTF_8))).isFalse();
        assertThat(line.awaited()).isEqualTo("waiting for the application to print 'Started'");
    }
}

package dev.baton.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ProcessesTest {
    private static final long SELF = ProcessHandle.current().pid();

    @Test
    void shouldFindAnAncestorAtAnyRemove() throws Exception {
        var script = new ProcessBuilder("/bin/sh", "-c", "/bin/sh -c 'echo $$; read line; true'; true").start();
        try (var output = script.inputReader()) {
            long grandchild = Long.parseLong(output.readLine());

            assertThat(Ancestry.isSameOrDescendant(grandchild, SELF)).isTrue();
            assertThat(Ancestry.isSameOrDescendant(grandchild, script.pid())).isTrue();
            assertThat(Ancestry.isSameOrDescendant(SELF, grandchild)).isFalse();
            assertThat(Ancestry.isSameOrDescendant(SELF, SELF)).isTrue();
        } finally {
            script.destroyForcibly().waitFor();
        }
        assertThat(Ancestry.isSameOrDescendant(script.pid(), script.pid())).isFalse();
        assertThat(Ancestry.isSameOrDescendant(script.pid(), SELF)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"7 (java) S 42 7 7", "7 (a b) R 9) S 42 7", "7 (() Z 42 7"})
    void shouldReadTheParentWhateverTheNameOfTheProgram(String stat) {
        assertThat(Ancestry.parentIn(stat)).isEqualTo(42);
    }

    @Test
    void shouldTellWhatAProcessUses() {
        var status = ProcessStatus.of(SELF);

        assertThat(status.residentKb().orElseThrow()).isGreaterThan(1024);
        assertThat(status.peakKb().orElseThrow()).isGreaterThanOrEqualTo(1024);
        assertThat(status.threads().orElseThrow()).isGreaterThan(1);
        assertThat(status.descriptors().orElseThrow()).isGreaterThan(2);
        assertThat(status.started().orElseThrow()).isBefore(Instant.now());
    }

    @Test
    void shouldTellNothingOfAProcessThatHasEnded() throws IOException, InterruptedException {
        var process = new ProcessBuilder("/bin/true").start();
        process.waitFor();

        var status = ProcessStatus.of(process.pid());

        assertThat(status.residentKb()).isEmpty();
        assertThat(status.descriptors()).isEmpty();
        assertThat(status.started()).isEmpty();
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** A state is read whole, or it is an error. */
@Timeout(120)
class StateIsReadWholeIT {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    @Test
    void shouldReadAStateOfTwentyMebibytesBeforeItIsReady() throws Exception {
        try (var app = Deployment.in(directory).environment("STATE_MIB", "20").start()) {
            assertThat(app.restart().ok()).isTrue();

            var state = app.history("state").getFirst();
            assertThat(state.what()).isEqualTo("state " + 20 * 1024 * 1024);
            assertThat(state.nanos()).isLessThan(app.history("ready").getLast().nanos());
        }
    }

    @Test
    void shouldFailRatherThanEndEarlyWhenTheWriterFails() throws Exception {
        try (var app = Deployment.in(directory)
                .environment("STATE_MIB", "20")
                .environment("STATE_BREAKS", "yes")
                .start()) {
            assertThat(app.restart().ok()).isTrue();

            assertThat(app.history("state")).isEmpty();
            assertThat(app.history("no state").getFirst().what()).contains("ended in the middle");
            assertThat(app.log()).contains("the cache broke");
        }
    }
}

package dev.baton.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PausesTest {
    @Test
    void shouldDoubleUpToHalfAMinute() {
        var pauses = new Pauses(20);
        var millis = new ArrayList<Long>();
        for (int i = 0; i < 10; i++) {
            millis.add(pauses.next().orElseThrow().toMillis());
        }

        assertThat(millis).containsExactly(200L, 400L, 800L, 1600L, 3200L, 6400L, 12_800L, 25_600L, 30_000L, 30_000L);
    }

    @Test
    void shouldEndAfterTheLimit() {
        var pauses = new Pauses(2);

        assertThat(pauses.next()).isPresent();
        assertThat(pauses.next()).isPresent();
        assertThat(pauses.next()).isEmpty();
    }

    @Test
    void shouldBeginAnewWhenAGenerationHasLivedForAMinute() {
        var pauses = new Pauses(2);
        var _ = pauses.next();
        var _ = pauses.next();

        pauses.lived(Duration.ofSeconds(10));
        assertThat(pauses.crashes()).isEqualTo(2);
        pauses.lived(Duration.ofSeconds(61));

        assertThat(pauses.next()).isEqualTo(Optional.of(Duration.ofMillis(200)));
    }
}

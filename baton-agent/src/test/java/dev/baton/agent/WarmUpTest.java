package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** A generation is asked as often as was said, by turns. */
class WarmUpTest {
    @Test
    void shouldAskByTurnsAsOftenAsWasSaid() throws IOException {
        var warmUp = new WarmUp(120);

        assertThat(warmUp.turn(() -> "")).isEqualTo("warming up");
        assertThat(warmUp.turn(() -> "")).isEqualTo("warming up");
        assertThat(warmUp.turn(() -> "")).isEmpty();
        assertThat(warmUp.asked()).isEqualTo(120);
    }

    @Test
    void shouldGoOnAfterItWasUnwell() throws IOException {
        var warmUp = new WarmUp(60);
        warmUp.turn(() -> "");

        assertThat(warmUp.turn(() -> "/health is answered with 503")).isEqualTo("/health is answered with 503");
        assertThat(warmUp.asked()).isEqualTo(50);
        assertThat(warmUp.turn(() -> "")).isEmpty();
    }

    @Test
    void shouldAskNothingUnlessToldTo() throws IOException {
        assertThat(new WarmUp(0).turn(() -> "not asked")).isEmpty();
    }
}

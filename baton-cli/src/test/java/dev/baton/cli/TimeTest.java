package dev.baton.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class TimeTest {
    @ParameterizedTest
    @CsvSource({"30, 30000", "30s, 30000", "1.5, 1500", "0.25s, 250", "200ms, 200", "2m, 120000", "1h, 3600000", "0, 0"
    })
    void shouldTakeNumbersWithUnitsAndSecondsWithout(String text, long millis) {
        assertThat(new Time().convert(text)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "s", "-1", "1 s", "1d", "1e3", "soon", "99999999999"})
    void shouldRefuseWhatIsNoTime(String text) {
        assertThatThrownBy(() -> new Time().convert(text)).isInstanceOf(TypeConversionException.class);
    }

    @Test
    void shouldSayWhatATimeLooksLike() {
        assertThatThrownBy(() -> new Time().convert("soon")).hasMessage("'soon' is no time; say 30s, 1.5s, 200ms, 2m");
    }
}

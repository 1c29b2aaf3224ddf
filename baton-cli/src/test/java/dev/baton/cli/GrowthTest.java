package dev.baton.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class GrowthTest {
    private static final int GENERATIONS = 40;

    @Test
    void shouldFindNothingWhenEveryGenerationUsesTheSame() {
        assertThat(of(i -> new Growth.Sample(i, 4000, 40, 28, 200_000, 1400)).found())
                .isEmpty();
    }

    @Test
    void shouldFindOneDescriptorMoreInEachGeneration() {
        assertThat(of(i -> new Growth.Sample(i, 4000, 40 + i, 28, 200_000, 1400))
                        .found())
                .singleElement()
                .asString()
                .startsWith("descriptors grow")
                .contains("42 at the beginning, 78 at the end");
    }

    @Test
    void shouldFindAVariableThatGrowsByOneByte() {
        assertThat(of(i -> new Growth.Sample(i, 4000, 40, 28, 200_000, 1400 + i))
                        .found())
                .singleElement()
                .asString()
                .startsWith("environment");
    }

    @Test
    void shouldFindMemoryAndThreadsThatGrow() {
        assertThat(of(i -> new Growth.Sample(i, 4000, 40, 28 + i, 200_000 + i * 2_000L, 1400))
                        .found())
                .hasSize(2);
    }

    @Test
    void shouldTakeAGenerationOrTwoOutOfLineForNoise() {
        assertThat(of(i -> new Growth.Sample(
                                i,
                                4000,
                                i > GENERATIONS - 2 ? 400 : 40,
                                28,
                                i == GENERATIONS - 1 ? 900_000 : 200_000,
                                1400))
                        .found())
                .isEmpty();
    }

    @Test
    void shouldSayNothingOfFewerThanSixGenerations() {
        var growth = new Growth();
        for (int i = 1; i < 6; i++) {
            growth.add(new Growth.Sample(i, 4000, 40 + 100 * i, 28, 200_000, 1400));
        }

        assertThat(growth.found()).isEmpty();
    }

    @Test
    void shouldDrawTheCourseOfEachMeasure() {
        var text = new StringWriter();
        var out = new PrintWriter(text);

        of(i -> new Growth.Sample(i, 4000, 40 + i, 28, 200_000, 1400)).print(out);
        out.flush();

        assertThat(text.toString()).contains("_______......", "+36", "  41 to 80");
    }

    private static Growth of(IntFunction<Growth.Sample> sample) {
        var growth = new Growth();
        for (int i = 1; i <= GENERATIONS; i++) {
            growth.add(sample.apply(i));
        }
        return growth;
    }
}

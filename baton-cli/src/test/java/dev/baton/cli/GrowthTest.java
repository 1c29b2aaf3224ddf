package dev.baton.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.cli.Growth.Measure;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GrowthTest {
    private static final int GENERATIONS = 40;

    @Test
    void shouldFindNothingWhenEveryGenerationUsesTheSame() {
        assertThat(of(i -> Map.of()).found()).isEmpty();
    }

    @Test
    void shouldFindOneDescriptorMoreInEachGeneration() {
        assertThat(of(i -> Map.of(Measure.DESCRIPTORS, 40L + i)).found())
                .singleElement()
                .asString()
                .startsWith("descriptors grow")
                .contains("42 at the beginning, 78 at the end");
    }

    @Test
    void shouldFindAVariableThatGrowsByOneByte() {
        assertThat(of(i -> Map.of(Measure.ENVIRONMENT, 1400L + i)).found())
                .singleElement()
                .asString()
                .startsWith("environment");
    }

    @ParameterizedTest
    @EnumSource(names = {"CHILDREN", "FILES"})
    void shouldFindOneProcessOrFileThatEachGenerationLeaves(Measure measure) {
        assertThat(of(i -> Map.of(measure, 7L + i)).found()).hasSize(1);
    }

    @Test
    void shouldFindEntriesOfEpollAndRegionsThatGrow() {
        assertThat(of(i -> Map.of(Measure.EPOLL, 12L + i, Measure.REGIONS, 700 + 4L * i))
                        .found())
                .hasSize(2);
    }

    @Test
    void shouldFindMemoryAndThreadsThatGrow() {
        assertThat(of(i -> Map.of(Measure.THREADS, 28L + i, Measure.MEMORY, 200_000 + i * 2_000L))
                        .found())
                .hasSize(2);
    }

    @Test
    void shouldTakeAGenerationOrTwoOutOfLineForNoise() {
        assertThat(of(i -> Map.of(
                                Measure.DESCRIPTORS,
                                i > GENERATIONS - 2 ? 400L : 40L,
                                Measure.MEMORY,
                                i == GENERATIONS - 1 ? 900_000L : 200_000L))
                        .found())
                .isEmpty();
    }

    @Test
    void shouldSayNothingOfFewerThanSixGenerations() {
        var growth = new Growth();
        for (int i = 1; i < 6; i++) {
            growth.add(new Growth.Sample(i, 4000, Map.of(Measure.DESCRIPTORS, 40 + 100L * i)));
        }

        assertThat(growth.found()).isEmpty();
    }

    @Test
    void shouldDrawTheCourseOfEachMeasure() {
        var text = new StringWriter();
        var out = new PrintWriter(text);

        of(i -> Map.of(Measure.DESCRIPTORS, 40L + i)).print(out);
        out.flush();

        assertThat(text.toString()).contains("_______......", "+36", "  41 to 80");
    }

    private static Growth of(IntFunction<Map<Measure, Long>> used) {
        var growth = new Growth();
        for (int i = 1; i <= GENERATIONS; i++) {
            growth.add(new Growth.Sample(i, 4000, used.apply(i)));
        }
        return growth;
    }
}

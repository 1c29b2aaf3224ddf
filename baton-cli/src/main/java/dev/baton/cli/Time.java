package dev.baton.cli;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A time on the command line: {@code 30s}, {@code 1.5s}, {@code 200ms}, {@code 2m}; a bare number means seconds. */
final class Time implements ITypeConverter<Duration> {
    private static final Pattern TIME = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,3})?)(ms|s|m|h|)");
    private static final Map<String, Long> MILLIS =
            Map.of("ms", 1L, "s", 1000L, "", 1000L, "m", 60_000L, "h", 3_600_000L);

    @Override
    public Duration convert(String text) {
        var time = TIME.matcher(text);
        if (!time.matches()) {
            throw new TypeConversionException("'" + text + "' is no time; say 30s, 1.5s, 200ms, 2m");
        }
        var unit = BigDecimal.valueOf(MILLIS.getOrDefault(time.group(2), 1000L));
        return Duration.ofMillis(new BigDecimal(time.group(1)).multiply(unit).longValue());
    }
}

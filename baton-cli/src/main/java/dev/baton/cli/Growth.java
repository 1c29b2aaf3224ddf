package dev.baton.cli;

import dev.baton.launch.ProcessStatus;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

/**
 * Whether generations grow: what each used at the same age, and whether the last ones use more than the first. One that
 * hands its successor a little more than it got itself (a descriptor, a variable of the environment) shows here and
 * nowhere else.
 */
final class Growth {
    private static final int FEWEST = 6;
    private static final int FEWEST_IN_A_TENTH = 3;
    private static final int COLUMNS = 40;
    private static final int LOOKS = 9;
    private static final String LEVELS = "_.-=+*#";

    /**
     * What one generation used.
     *
     * @param generation its number
     * @param ageMs its age at that moment, since it joined
     * @param descriptors open descriptors, less those of its clients' connections
     * @param threads threads of the kernel; virtual ones do not count
     * @param residentKb memory it occupied
     * @param environmentBytes the length of the environment it was started with
     */
    record Sample(int generation, long ageMs, long descriptors, long threads, long residentKb, long environmentBytes) {
        /** Looks at the incumbent, several times: connections come and go between counting them and the descriptors. */
        static Sample of(Path socket) throws Main.Refusal {
            var descriptors = new long[LOOKS];
            for (int i = 0; i < LOOKS; i++) {
                var status = Status.status(socket);
                descriptors[i] = ProcessStatus.of(status.pid()).descriptors().orElse(0) - status.openConnections();
            }
            Arrays.sort(descriptors);
            var status = Status.status(socket);
            var process = ProcessStatus.of(status.pid());
            return new Sample(
                    status.generation(),
                    status.uptimeMs(),
                    descriptors[LOOKS / 2],
                    process.threads().orElse(0),
                    process.residentKb().orElse(0),
                    environmentBytes(status.pid()));
        }

        private static long environmentBytes(long pid) {
            try {
                return Files.readAllBytes(Path.of("/proc", Long.toString(pid), "environ")).length;
            } catch (IOException e) {
                return 0;
            }
        }
    }

    /** What is measured, and by how much its median may rise: a share of it, or an amount if that is more. */
    private record Measure(String title, ToLongFunction<Sample> of, double share, long amount) {
        static final List<Measure> ALL = List.of(
                new Measure("descriptors", Sample::descriptors, 0.05, 10),
                new Measure("threads", Sample::threads, 0.10, 3),
                new Measure("memory, KiB", Sample::residentKb, 0.15, 32 * 1024),
                new Measure("environment, bytes", Sample::environmentBytes, 0, 0));

        long allowed(long first) {
            return Math.max(amount, Math.round(first * share));
        }
    }

    private final List<Sample> samples = new ArrayList<>();

    void add(Sample sample) {
        samples.add(sample);
    }

    /** {@return what grows, in words; empty if nothing does, or there are too few samples to say} */
    List<String> found() {
        var found = new ArrayList<String>();
        if (samples.size() < FEWEST) {
            return found;
        }
        for (var measure : Measure.ALL) {
            var first = first(measure);
            var last = last(measure);
            if (last - first > measure.allowed(first)) {
                found.add(String.format(
                        Locale.ROOT,
                        "%s grow from generation to generation: %,d at the beginning, %,d at the end, at most %,d more allowed",
                        measure.title(),
                        first,
                        last,
                        measure.allowed(first)));
            }
        }
        return found;
    }

    void print(PrintWriter out) {
        if (samples.size() < FEWEST) {
            out.printf("growth is not told from fewer than %d restarts%n", FEWEST);
            return;
        }
        var ages = samples.stream().mapToLong(Sample::ageMs).sorted().toArray();
        out.printf(
                Locale.ROOT,
                "%d generations, each at the age of %.1f s (%.1f to %.1f s); medians of the first and the last %d%n",
                samples.size(),
                ages[ages.length / 2] / 1000.0,
                ages[0] / 1000.0,
                ages[ages.length - 1] / 1000.0,
                tenth());
        out.printf("%-19s %9s %9s %9s %9s  %s%n", "", "first", "last", "change", "allowed", "least to most, in time");
        for (var measure : Measure.ALL) {
            out.printf(
                    Locale.ROOT,
                    "%-19s %,9d %,9d %+,9d %,9d  %s%n",
                    measure.title(),
                    first(measure),
                    last(measure),
                    last(measure) - first(measure),
                    measure.allowed(first(measure)),
                    line(measure));
        }
    }

    private int tenth() {
        return Math.max(FEWEST_IN_A_TENTH, samples.size() / 10);
    }

    private long first(Measure measure) {
        return median(measure, samples.subList(0, tenth()));
    }

    private long last(Measure measure) {
        return median(measure, samples.subList(samples.size() - tenth(), samples.size()));
    }

    /** One character for each sample, or for the median of several. */
    private String line(Measure measure) {
        var columns = Math.min(COLUMNS, samples.size());
        var values = new long[columns];
        for (int i = 0; i < columns; i++) {
            values[i] =
                    median(measure, samples.subList(samples.size() * i / columns, samples.size() * (i + 1) / columns));
        }
        long least = Long.MAX_VALUE;
        long most = Long.MIN_VALUE;
        for (var value : values) {
            least = Math.min(least, value);
            most = Math.max(most, value);
        }
        var line = new StringBuilder();
        for (var value : values) {
            var level = most == least ? 0 : (value - least) * (LEVELS.length() - 1) / (most - least);
            line.append(LEVELS.charAt((int) level));
        }
        return line + String.format(Locale.ROOT, "  %,d to %,d", least, most);
    }

    private static long median(Measure measure, List<Sample> of) {
        var sorted = of.stream().mapToLong(measure.of()).sorted().toArray();
        return sorted[(sorted.length - 1) / 2];
    }
}

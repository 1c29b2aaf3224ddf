package dev.baton.cli;

import dev.baton.launch.ProcessStatus;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

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

    /** What is measured of a generation, and by how much its median may rise: a share of it, or an amount if that is more. */
    enum Measure {
        /** Open descriptors, less those of its clients' connections. */
        DESCRIPTORS("descriptors", 0.05, 10),
        /** Descriptors registered with its epoll instances, less those of its clients' connections. */
        EPOLL("entries of epoll", 0.05, 10),
        /** Threads of the kernel; virtual ones do not count. */
        THREADS("threads", 0.10, 3),
        /** Its child processes, also those that have ended and that it takes no note of. */
        CHILDREN("child processes", 0, 0),
        /** Memory it occupied. */
        MEMORY("memory, KiB", 0.15, 32 * 1024),
        /** Regions of its address space. */
        REGIONS("mapped regions", 0.15, 100),
        /** Files in the directory where all generations have their sockets, locks, pid file, log and temporary files. */
        FILES("files", 0, 0),
        /** The length of the environment it was started with. */
        ENVIRONMENT("environment, bytes", 0, 0);

        private final String title;
        private final double share;
        private final long amount;

        Measure(String title, double share, long amount) {
            this.title = title;
            this.share = share;
            this.amount = amount;
        }

        private long allowed(long first) {
            return Math.max(amount, Math.round(first * share));
        }
    }

    /**
     * What one generation used.
     *
     * @param generation its number
     * @param ageMs its age at that moment, since it joined
     * @param used how much of each
     */
    record Sample(int generation, long ageMs, Map<Measure, Long> used) {
        /** Looks at the incumbent, several times: connections come and go between counting them and the descriptors. */
        static Sample of(Path socket) throws Main.Refusal {
            var descriptors = new long[LOOKS];
            var epoll = new long[LOOKS];
            for (int i = 0; i < LOOKS; i++) {
                var status = Status.status(socket);
                descriptors[i] = ProcessStatus.of(status.pid()).descriptors().orElse(0) - status.openConnections();
                epoll[i] = epollEntries(proc(status.pid())) - status.openConnections();
            }
            Arrays.sort(descriptors);
            Arrays.sort(epoll);
            var status = Status.status(socket);
            var proc = proc(status.pid());
            var process = ProcessStatus.of(status.pid());
            var used = new EnumMap<Measure, Long>(Measure.class);
            used.put(Measure.DESCRIPTORS, descriptors[LOOKS / 2]);
            used.put(Measure.EPOLL, epoll[LOOKS / 2]);
            used.put(Measure.THREADS, process.threads().orElse(0));
            used.put(Measure.CHILDREN, children(status.pid()));
            used.put(Measure.MEMORY, process.residentKb().orElse(0));
            used.put(Measure.REGIONS, lines(proc.resolve("maps")).count());
            used.put(Measure.FILES, files(Objects.requireNonNull(socket.getParent())));
            used.put(Measure.ENVIRONMENT, (long) bytes(proc.resolve("environ")).length);
            return new Sample(status.generation(), status.uptimeMs(), used);
        }

        private long of(Measure measure) {
            return used.getOrDefault(measure, 0L);
        }

        private static Path proc(long pid) {
            return Path.of("/proc", Long.toString(pid));
        }

        /** Each is a line {@code tfd:} in the fdinfo of an epoll instance (proc_pid_fdinfo(5)); other files have none. */
        private static long epollEntries(Path proc) {
            try (var infos = Files.list(proc.resolve("fdinfo"))) {
                return infos.flatMap(Sample::lines)
                        .filter(line -> line.startsWith("tfd:"))
                        .count();
            } catch (IOException e) {
                return 0;
            }
        }

        private static long children(long pid) {
            return ProcessHandle.of(pid).stream()
                    .flatMap(ProcessHandle::children)
                    .count();
        }

        private static long files(Path directory) {
            try (var files = Files.walk(directory)) {
                return files.count();
            } catch (IOException | UncheckedIOException e) {
                return 0;
            }
        }

        private static Stream<String> lines(Path file) {
            return new String(bytes(file), StandardCharsets.ISO_8859_1).lines();
        }

        private static byte[] bytes(Path file) {
            try {
                return Files.readAllBytes(file);
            } catch (IOException e) {
                return new byte[0];
            }
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
        for (var measure : Measure.values()) {
            var first = first(measure);
            var last = last(measure);
            if (last - first > measure.allowed(first)) {
                found.add(String.format(
                        Locale.ROOT,
                        "%s grow from generation to generation: %,d at the beginning, %,d at the end, at most %,d more allowed",
                        measure.title,
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
        for (var measure : Measure.values()) {
            out.printf(
                    Locale.ROOT,
                    "%-19s %,9d %,9d %+,9d %,9d  %s%n",
                    measure.title,
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
        var sorted =
                of.stream().mapToLong(sample -> sample.of(measure)).sorted().toArray();
        return sorted[(sorted.length - 1) / 2];
    }
}

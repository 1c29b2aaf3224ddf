package dev.baton.benchmarks;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Restarts servers under the same load, by turns, and writes what their clients saw. */
@Command(
        name = "baton compare",
        description =
                "Restarts Baton and the other servers that are installed here under the same load, by turns, and writes tables and a picture of what their clients saw. Exit code 1 if one that is installed could not be measured.",
        mixinStandardHelpOptions = true)
public final class Compare implements Callable<Integer> {
    private static final Duration WARM_UP = Duration.ofSeconds(3);
    private static final Duration SHORT_WARM_UP = Duration.ofSeconds(2);
    private static final long FIRST_SEED = 1;

    @Option(names = "--peers", paramLabel = "ID", split = ",", description = "only these (default: all, see the page)")
    private List<String> ids = List.of();

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "default ${DEFAULT-VALUE}")
    private int runs;

    @Option(
            names = "--restarts",
            paramLabel = "N",
            defaultValue = "2",
            description = "restarts in a run (default ${DEFAULT-VALUE})")
    private int restarts;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "6",
            description = "measured before a restart, and from its trigger on (default ${DEFAULT-VALUE})")
    private int seconds;

    @Option(
            names = "--rate",
            paramLabel = "N",
            defaultValue = "400",
            description = "requests per second (default ${DEFAULT-VALUE})")
    private int rate;

    @Option(names = "--short", description = "one run, one restart, two seconds: whether it works, not how well")
    private boolean brief;

    @Option(
            names = "--page",
            paramLabel = "FILE",
            defaultValue = "${sys:baton.checkout:-.}/docs/comparison.md",
            description = "the page to write into; the picture goes beside it (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Path page;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** What is to be measured, and what has been. */
    private static final class Entry {
        final List<Run> runs = new ArrayList<>();
        final List<String> failures = new ArrayList<>();
    }

    @Override
    public Integer call() throws IOException {
        var out = spec.commandLine().getErr();
        var measurement = brief
                ? new Measurement(1, rate, SHORT_WARM_UP, Duration.ofSeconds(2))
                : new Measurement(restarts, rate, WARM_UP, Duration.ofSeconds(seconds));
        var loadAverage = Proc.loadAverage();
        var others = new LinkedHashMap<Peer, String>();
        var entries = new LinkedHashMap<Peer, Entry>();
        for (var peer : chosen()) {
            var missing = missing(peer);
            if (missing.isEmpty()) {
                entries.put(peer, new Entry());
            } else {
                others.put(peer, "not installed; on Debian: apt-get install " + missing);
                out.println(peer.id() + ": " + others.get(peer));
            }
        }
        var directory = Files.createTempDirectory("baton-compare");
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        try {
            measure(entries, measurement, directory, out);
        } finally {
            delete(directory);
        }
        var results = new ArrayList<Result>();
        var complete = true;
        for (var entry : entries.entrySet()) {
            var peer = entry.getKey();
            var runs = entry.getValue().runs;
            var failures = entry.getValue().failures;
            if (!runs.isEmpty()) {
                results.add(new Result(peer, peer.version(), runs));
            }
            if (!failures.isEmpty()) {
                complete = false;
                others.put(
                        peer,
                        "%d of %d runs failed, and are not in the tables: %s"
                                .formatted(
                                        failures.size(),
                                        failures.size() + runs.size(),
                                        String.join("; ", new TreeSet<>(failures))));
            }
        }
        if (results.isEmpty()) {
            out.println("baton compare: nothing was measured");
            return 1;
        }
        var picture = page.resolveSibling(page.getFileName().toString().replaceFirst("\\.md$", "") + ".svg");
        var drawn = draw(picture, results, measurement, out);
        new Page(results, others, measurement, command(), loadAverage)
                .write(page, drawn ? picture.getFileName().toString() : null);
        out.println("written: " + page + (drawn ? " and " + picture : ""));
        return complete ? 0 : 1;
    }

    /** A Java without fonts fails in many ways, none of which is documented. */
    private static boolean draw(Path picture, List<Result> results, Measurement measurement, PrintWriter out)
            throws IOException {
        try {
            Picture.write(picture, results, measurement.window());
            return true;
        } catch (RuntimeException | LinkageError | InternalError e) {
            out.println("no picture: this Java cannot draw text (" + e
                    + "); on Debian: apt-get install fontconfig fonts-dejavu-core");
            return false;
        }
    }

    private void measure(Map<Peer, Entry> entries, Measurement measurement, Path directory, PrintWriter out) {
        int runs = brief ? 1 : this.runs;
        if (!brief) {
            warmUpTheDriver(entries.keySet(), directory, out);
        }
        for (int i = 0; i < runs; i++) {
            for (var entry : entries.entrySet()) {
                var peer = entry.getKey();
                try {
                    var run = measurement.of(peer, directory.resolve(peer.id()), FIRST_SEED + i);
                    entry.getValue().runs.add(run);
                    out.printf(
                            "%d of %d  %-14s failed %,6d  p99 %8.1f ms, with a restart %8.1f ms%n",
                            i + 1,
                            runs,
                            peer.id(),
                            run.lost(),
                            run.control().percentile(99).toNanos() / 1e6,
                            run.restart().percentile(99).toNanos() / 1e6);
                } catch (IOException | IllegalStateException e) {
                    var message = String.valueOf(e.getMessage());
                    entry.getValue().failures.add(message.lines().findFirst().orElse(""));
                    out.printf("%d of %d  %-14s %s%n", i + 1, runs, peer.id(), message);
                }
                out.flush();
            }
        }
    }

    /** One run that does not count, while the driver's own code is being compiled. */
    private void warmUpTheDriver(Set<Peer> peers, Path directory, PrintWriter out) {
        var first = peers.stream().findFirst();
        try {
            if (first.isPresent()) {
                var _ = new Measurement(1, rate, WARM_UP, Duration.ofSeconds(seconds))
                        .of(first.get(), directory.resolve("warm-up"), FIRST_SEED);
            }
        } catch (IOException e) {
            out.println("the run to warm up the driver failed: " + e.getMessage());
        }
    }

    private List<Peer> chosen() {
        var all = Peer.all();
        var known = all.stream().map(Peer::id).toList();
        for (var id : ids) {
            if (!known.contains(id)) {
                throw new CommandLine.ParameterException(
                        spec.commandLine(), "there is no peer " + id + "; there are " + String.join(", ", known));
            }
        }
        return all.stream()
                .filter(peer -> ids.isEmpty() || ids.contains(peer.id()))
                .toList();
    }

    /** The packages of what a peer needs and is not there. */
    private static String missing(Peer peer) {
        return peer.needs().entrySet().stream()
                .filter(need -> !Files.exists(Path.of(Site.program(need.getKey()))))
                .map(Map.Entry::getValue)
                .collect(Collectors.toCollection(TreeSet::new))
                .stream()
                .collect(Collectors.joining(" "));
    }

    /** What was asked for, without where the page is. */
    private String command() {
        var words = new ArrayList<>(List.of("./baton compare"));
        if (!ids.isEmpty()) {
            words.add("--peers " + String.join(",", ids));
        }
        words.add(brief ? "--short" : "--runs %d --restarts %d --seconds %d".formatted(runs, restarts, seconds));
        words.add("--rate " + rate);
        return String.join(" ", words);
    }

    private static void delete(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /**
     * The command.
     *
     * @param arguments its options
     */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Compare()).execute(arguments));
    }
}

package dev.baton.benchmarks;

import dev.baton.load.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.EnumMap;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The measured part of a page, between two comments; what stands around it is left alone.
 *
 * @param results of the peers that were measured
 * @param others why the others were not, by peer
 * @param measurement how it was measured
 * @param command with which it can be repeated
 * @param loadAverage of the machine before it began: what others ran
 */
record Page(
        List<Result> results, Map<Peer, String> others, Measurement measurement, String command, double loadAverage) {
    static final String BEGIN = "<!-- measured by ./baton compare: changes up to the end mark will be lost -->";
    static final String END = "<!-- end of what was measured -->";

    /**
     * Puts what was measured into the page, which is made if there is none.
     *
     * @param picture the name of the picture beside it; null if there is none
     */
    void write(Path page, @Nullable String picture) throws IOException {
        var text = Files.exists(page) ? Files.readString(page) : BEGIN + "\n" + END + "\n";
        int begin = text.indexOf(BEGIN);
        int end = text.indexOf(END);
        if (begin < 0 || end < begin) {
            throw new IOException(
                    page + " has no place for what was measured: it lacks the line " + BEGIN + " or " + END);
        }
        Files.writeString(
                page, text.substring(0, begin) + BEGIN + "\n\n" + measured(picture) + "\n" + text.substring(end));
    }

    private String measured(@Nullable String picture) {
        var out = new Formatter(Locale.ROOT);
        conditions(out);
        lost(out);
        felt(out);
        if (picture != null) {
            overTime(out, picture);
        }
        occupied(out);
        kinds(out);
        versions(out);
        notMeasured(out);
        return out.toString();
    }

    private void overTime(Formatter out, String picture) {
        out.format(
                "%n![For each server, the slowest answer in each tenth of a second around its restarts.](%s)%n%n",
                picture);
        out.format(
                "Each field is a server, %d s before to %d s after the trigger (the vertical line). Dark: of all restarts the"
                        + " median of the slowest answer in each tenth of a second; light: the slowest of all. Both axes are the"
                        + " same everywhere, latency is logarithmic. A gap is a time without any answer. Red: requests were lost.%n",
                Measurement.BEFORE.toSeconds(), measurement.window().toSeconds());
    }

    private void conditions(Formatter out) {
        var runs = results.stream().mapToInt(one -> one.runs().size()).max().orElse(0);
        out.format(
                "%s, `%s`. %s, loopback; the load and the server share the machine.%n%n",
                LocalDate.now(ZoneId.systemDefault())
                        .format(DateTimeFormatter.ofPattern("d MMMM yyyy", Locale.ENGLISH)),
                command,
                Proc.machine());
        out.format(
                "Runs of each, by turns: %d. Restarts in a run: %d, with %d s before and %d s after the trigger. Quick requests"
                        + " a second: %d, half on new connections and half on %d kept-alive ones. Figures are the median, and in parentheses the least"
                        + " and the greatest when there is a difference.%n",
                runs,
                measurement.restarts(),
                measurement.window().toSeconds(),
                measurement.window().toSeconds(),
                measurement.perSecond(),
                measurement.keptAlive());
        out.format(
                "%nThe load average of the machine was %.1f before anything was started here: %s. The 99th percentile of the"
                        + " driver's own lateness was %.1f ms in its worst run.%n",
                loadAverage,
                loadAverage > Runtime.getRuntime().availableProcessors() / 2.0
                        ? "**others were at work, so that latencies say little**, and only what was lost and closed does"
                        : "it was quiet",
                results.stream()
                        .flatMap(one -> one.runs().stream())
                        .mapToDouble(run -> millis(run.lag().percentile(99)))
                        .max()
                        .orElse(0));
    }

    private void lost(Formatter out) {
        out.format("%n### What clients lost%n%n");
        row(
                out,
                "server",
                "restarted by",
                "failed, in all",
                "failed per restart",
                "closed with notice",
                "closed without");
        rule(out, 2, 4);
        for (var result : results) {
            var restarts = measurement.restarts();
            row(
                    out,
                    result.peer().name(),
                    result.peer().manner(),
                    (result.lost() == 0 ? "**0**" : "%,d".formatted(result.lost())) + " in "
                            + result.restarts().count(),
                    result.perRun(run -> (double) run.lost() / restarts).text(1),
                    result.perRestart(Run.Restart::closedWithNotice).text(0),
                    result.perRestart(Run.Restart::closedWithoutNotice).text(0));
        }
        out.format(
                "%n\"Failed\" are requests; \"0 in 6\" is none in six restarts. \"Closed\" are connections per restart, of"
                        + " those kept alive: %d, and %d more that wait for slow answers.%n",
                measurement.keptAlive(), measurement.slowConnections());
        closedAnyway(out);
    }

    /** Closing now and then is some servers' way, and no sign of a restart. */
    private void closedAnyway(Formatter out) {
        for (var result : results) {
            if (result.restarts().anyMatch(restart -> restart.closedBefore() > 0)) {
                out.format(
                        "%n%s (`%s`) closes connections also when nothing is restarted: %s in as many seconds.%n",
                        result.peer().name(),
                        result.peer().id(),
                        result.perRestart(Run.Restart::closedBefore).text(0));
            }
        }
    }

    private void felt(Formatter out) {
        out.format("%n### What clients felt%n%n");
        row(
                out,
                "server",
                "restarted by",
                "p50, ratio",
                "p99, ratio",
                "p99.9, ratio",
                "p99, ms, without",
                "p99, ms, with",
                "first answer of the new, ms");
        rule(out, 2, 6);
        for (var result : results) {
            row(
                    out,
                    result.peer().name(),
                    result.peer().manner(),
                    result.perRun(run -> run.ratio(50)).text(2),
                    result.perRun(run -> run.ratio(99)).text(1),
                    result.perRun(run -> run.ratio(99.9)).text(1),
                    result.perRun(run -> millis(run.control().percentile(99))).text(1),
                    result.perRun(run -> millis(run.restart().percentile(99))).text(1),
                    firstAnswer(result));
        }
        out.format(
                "%nA ratio is the latency in the %d s after the trigger against that of the same server in as many seconds"
                        + " before, of answered requests on new and on kept-alive connections. What was lost has no latency:"
                        + " read the two tables together. \"First answer\" counts from the trigger.%n",
                measurement.window().toSeconds());
    }

    private static String firstAnswer(Result result) {
        return new Result.Spread(result.restarts()
                        .flatMap(restart -> restart.firstAnswer().stream())
                        .mapToDouble(Page::millis))
                .text(0);
    }

    private void occupied(Formatter out) {
        out.format("%n### What it occupies%n%n");
        row(out, "server", "restarted by", "before, MiB", "during, at most, MiB", "ratio");
        rule(out, 2, 3);
        for (var result : results) {
            row(
                    out,
                    result.peer().name(),
                    result.peer().manner(),
                    result.perRestart(one -> one.memoryBeforeKib() / 1024.0).text(0),
                    result.perRestart(one -> one.memoryKib() / 1024.0).text(0),
                    result.perRestart(one -> (double) one.memoryKib() / Math.max(1, one.memoryBeforeKib()))
                            .text(2));
        }
        out.format("%nThe sum of the shares (Pss) of all processes of the server, looked at four times a second.%n");
    }

    private void kinds(Formatter out) {
        out.format("%n### How requests were lost%n%n");
        var any = false;
        for (var result : results) {
            var kinds = new EnumMap<Outcome, Long>(Outcome.class);
            result.runs()
                    .forEach(run -> run.outcomes().forEach((outcome, count) -> kinds.merge(outcome, count, Long::sum)));
            var words = kinds.entrySet().stream()
                    .filter(entry -> entry.getKey().isLost() && entry.getValue() > 0)
                    .map(entry -> "%,d %s".formatted(entry.getValue(), entry.getKey()))
                    .collect(Collectors.joining(", "));
            var quiet = result.runs().stream().mapToLong(Run::lostInControl).sum();
            if (!words.isEmpty()) {
                any = true;
                out.format(
                        " * %s, %s: %s%s%n",
                        result.peer().name(),
                        result.peer().manner(),
                        words,
                        quiet == 0 ? "" : "; of these %,d while nothing was restarted".formatted(quiet));
            }
        }
        if (!any) {
            out.format("None was.%n");
        }
    }

    private void versions(Formatter out) {
        out.format("%n### Versions%n%n");
        for (var result : results) {
            out.format(
                    " * %s (`%s`): %s%s%n",
                    result.peer().name(),
                    result.peer().id(),
                    result.version(),
                    result.peer().answersSlowly()
                            ? ""
                            : "; without slow requests, it has no answer that takes its time");
        }
    }

    private void notMeasured(Formatter out) {
        if (!others.isEmpty()) {
            out.format("%n### What could not be measured%n%n");
            others.forEach((peer, why) -> out.format(" * %s (`%s`): %s%n", peer.name(), peer.id(), why));
        }
    }

    private static void row(Formatter out, String... cells) {
        out.format("| %s |%n", String.join(" | ", cells));
    }

    private static void rule(Formatter out, int words, int figures) {
        out.format("%s%s|%n", "|---".repeat(words), "|--:".repeat(figures));
    }

    private static double millis(Duration time) {
        return time.toNanos() / 1e6;
    }
}

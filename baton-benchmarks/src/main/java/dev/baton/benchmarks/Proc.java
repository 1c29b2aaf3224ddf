package dev.baton.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What the kernel tells of processes and of the machine, see proc(5). */
final class Proc {
    private static final Path PROC = Path.of("/proc");
    private static final int STATE = 0;
    private static final int SESSION = 3;

    private Proc() {}

    /** The processes of these sessions that have not ended. */
    static List<Long> inSessions(Collection<Long> sessions) {
        var found = new ArrayList<Long>();
        try (var entries = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (var entry : entries) {
                // The name in parentheses may hold anything; the fields begin behind it.
                var stat = read(entry.resolve("stat"));
                var fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", SESSION + 2);
                if (fields.length > SESSION
                        && !fields[STATE].equals("Z")
                        && sessions.contains(Long.parseLong(fields[SESSION]))) {
                    found.add(Long.parseLong(entry.getFileName().toString()));
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException("the processes cannot be listed", e);
        }
        return found;
    }

    /** The process's share of the memory it has in RAM (Pss), or all of it (VmRSS) where that is hidden; 0 if it has ended. */
    static long memoryKib(long pid) {
        var directory = PROC.resolve(Long.toString(pid));
        var share = figure(directory.resolve("smaps_rollup"), "Pss:");
        return share > 0 ? share : figure(directory.resolve("status"), "VmRSS:");
    }

    /** {@return the kind of machine, without its name} */
    static String machine() {
        var cpus = Runtime.getRuntime().availableProcessors();
        var model = read(PROC.resolve("cpuinfo"))
                .lines()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse(System.getProperty("os.arch"));
        var gib = Math.round(figure(PROC.resolve("meminfo"), "MemTotal:") / 1024.0 / 1024);
        return "%d processors (%s), %d GiB, Linux %s"
                .formatted(cpus, model, gib, System.getProperty("os.version").replaceFirst("^(\\d+\\.\\d+).*", "$1"));
    }

    /** {@return how many processes wanted to run at a time in the last minute, without any unit} */
    static double loadAverage() {
        var text = read(PROC.resolve("loadavg"));
        return text.isEmpty() ? 0 : Double.parseDouble(text.substring(0, text.indexOf(' ')));
    }

    private static long figure(Path file, String key) {
        return read(file)
                .lines()
                .filter(line -> line.startsWith(key))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElse(0);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}

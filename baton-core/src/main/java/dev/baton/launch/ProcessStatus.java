package dev.baton.launch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a process uses at one instant, from {@code /proc/PID} (proc_pid_status(5)). A figure is empty when the process has
 * ended, or belongs to another user and is hidden.
 *
 * @param pid the process
 * @param residentKb memory it occupies now, VmRSS, in units of 1024 bytes
 * @param peakKb the most it ever occupied, VmHWM, in units of 1024 bytes
 * @param threads how many threads it has
 * @param descriptors how many descriptors it has open
 * @param started when it was started, to a hundredth of a second
 */
public record ProcessStatus(
        long pid,
        OptionalLong residentKb,
        OptionalLong peakKb,
        OptionalLong threads,
        OptionalLong descriptors,
        Optional<Instant> started) {
    /**
     * Looks now. Costs three small reads and one per descriptor.
     *
     * @param pid the process
     * @return what could be seen
     */
    public static ProcessStatus of(long pid) {
        var directory = Path.of("/proc", Long.toString(pid));
        var status = read(directory.resolve("status"));
        return new ProcessStatus(
                pid,
                figure(status, "VmRSS:"),
                figure(status, "VmHWM:"),
                figure(status, "Threads:"),
                count(directory.resolve("fd")),
                ProcessHandle.of(pid).flatMap(process -> process.info().startInstant()));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    private static OptionalLong figure(String status, String key) {
        return status.lines()
                .filter(line -> line.startsWith(key))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst();
    }

    private static OptionalLong count(Path directory) {
        try (var entries = Files.list(directory)) {
            return OptionalLong.of(entries.count());
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }
}

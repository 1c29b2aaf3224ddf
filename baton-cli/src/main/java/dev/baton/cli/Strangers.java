package dev.baton.cli;

import dev.baton.launch.Ancestry;
import dev.baton.linux.LinuxException;
import dev.baton.linux.Processes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Children that this process did not start. The kernel gives pid 1 every process whose parent has ended, and remembers each
 * that has ended until pid 1 takes note of it.
 *
 * <p>{@code waitpid(-1)} would take the JDK's own children from under its nose: it waits for each by its number, on a thread
 * of its own, and would report the exit code of none. So only what is still there on a second look is a stranger: the JDK
 * takes note of its own within milliseconds.
 */
final class Strangers {
    private Set<Long> seen = Set.of();

    /** Looks for children that have ended, and takes note of those that had ended when it looked last. */
    void reap() {
        var ended = new HashSet<Long>();
        var own = ProcessHandle.current().pid();
        try (var entries = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var entry : entries) {
                if (isEndedChild(entry, own)) {
                    var pid = Long.parseLong(entry.getFileName().toString());
                    if (!seen.contains(pid)) {
                        ended.add(pid);
                    } else {
                        take(pid);
                    }
                }
            }
        } catch (IOException e) {
            // They stay until the next look.
        }
        seen = ended;
    }

    private static boolean isEndedChild(Path process, long parent) {
        try {
            var stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
            return Ancestry.hasEnded(stat) && Ancestry.parentIn(stat) == parent;
        } catch (IOException e) {
            return false;
        }
    }

    private static void take(long pid) {
        try {
            var _ = Processes.reap(pid);
        } catch (LinuxException e) {
            // Somebody was faster.
        }
    }
}

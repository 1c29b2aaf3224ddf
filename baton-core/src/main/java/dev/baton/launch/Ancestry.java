package dev.baton.launch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Who started whom, as the kernel tells it. */
public final class Ancestry {
    private static final int LONGEST_CHAIN = 1024;

    private Ancestry() {}

    /**
     * Whether a process is another one or was started by it, at any remove: a start script between the two does not matter.
     * A process whose parent has ended counts as started by whoever adopted it. Nothing is cached.
     *
     * @param pid the process asked about
     * @param ancestor the process it should come from
     * @return false too when {@code pid} has ended, or cannot be seen
     */
    public static boolean isSameOrDescendant(long pid, long ancestor) {
        long current = pid;
        for (int i = 0; i < LONGEST_CHAIN && current > 0; i++) {
            if (current == ancestor) return Files.exists(Path.of("/proc", Long.toString(pid)));
            current = parent(current);
        }
        return false;
    }

    private static long parent(long pid) {
        try {
            return parentIn(
                    Files.readString(Path.of("/proc", Long.toString(pid), "stat"), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return 0;
        }
    }

    /**
     * Reads the parent.
     *
     * @param stat what {@code /proc/PID/stat} holds: {@code pid (name) state ppid …}; the name may itself hold spaces and
     *     parentheses (proc_pid_stat(5))
     * @return the parent's pid
     */
    public static long parentIn(String stat) {
        return Long.parseLong(afterName(stat)[1]);
    }

    /**
     * Reads whether the process has ended and its parent has not taken note of that.
     *
     * @param stat what {@code /proc/PID/stat} holds
     * @return whether it is a zombie
     */
    public static boolean hasEnded(String stat) {
        return afterName(stat)[0].equals("Z");
    }

    private static String[] afterName(String stat) {
        return stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", 3);
    }
}

package dev.baton.agent;

import dev.baton.linux.Descriptors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The io_uring instances of this process, whoever made them, as {@code /proc/self/fdinfo} shows them
 * (linux/io_uring/fdinfo.c).
 */
final class Rings {
    /*
     * A listener in the hands of io_uring cannot be fenced. An accept that was submitted holds the socket itself, not its
     * number, and a multishot accept goes on for ever; whoever made the ring alone may cancel it (IORING_SETUP_SINGLE_ISSUER).
     */
    private static final String NAME = "anon_inode:[io_uring]";

    /** An accept that waits, in the list of requests that poll; 13 is IORING_OP_ACCEPT (linux/io_uring.h). */
    private static final String ACCEPT = "op=13,";

    private Rings() {}

    /** {@return whether there is any} */
    static boolean exist() throws IOException {
        return any(number -> true);
    }

    /**
     * {@return whether one of them waits for a connection; the kernel does not tell for which listener, and tells nothing
     * while it works on the ring}
     */
    static boolean accept() throws IOException {
        return any(number -> read(number).contains(ACCEPT));
    }

    private interface Condition {
        boolean holds(int number) throws IOException;
    }

    private static boolean any(Condition condition) throws IOException {
        try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var entry : entries) {
                var number = Integer.parseInt(entry.getFileName().toString());
                if (Descriptors.name(number).equals(NAME) && condition.holds(number)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static String read(int number) throws IOException {
        try {
            return Files.readString(Path.of("/proc/self/fdinfo/" + number));
        } catch (java.nio.file.NoSuchFileException e) {
            return ""; // closed meanwhile
        }
    }
}

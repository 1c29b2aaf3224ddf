package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The epoll instances of this process, whoever made them, as {@code /proc/self/fdinfo} shows them (proc_pid_fdinfo(5)).
 */
public final class Epoll {
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLIN = 1;
    private static final String NAME = "anon_inode:[eventpoll]";
    private static final Pattern LINE =
            Pattern.compile("tfd:\\s*(\\d+)\\s+events:\\s*([0-9a-f]+)\\s+data:\\s*([0-9a-f]+).*?ino:([0-9a-f]+).*");

    private Epoll() {}

    /**
     * One descriptor registered with one instance.
     *
     * @param instance the number of the epoll instance
     * @param target the number under which the descriptor was registered
     * @param inode of what it stood for then
     * @param events what is waited for, with the modes (edge-triggered, one-shot)
     * @param data what the instance's owner gets back
     */
    public record Registration(int instance, int target, long inode, int events, long data) {
        /** {@return whether somebody is told when it becomes readable} */
        public boolean isForReading() {
            return (events & EPOLLIN) != 0;
        }

        /**
         * Takes it out.
         *
         * @return false if it was not there any more
         * @throws LinuxException if the kernel refuses
         */
        public boolean remove() throws LinuxException {
            return control(EPOLL_CTL_DEL, LinuxException.ENOENT);
        }

        /**
         * Puts it in, for what the number stands for now.
         *
         * @return false if somebody else has put it in already
         * @throws LinuxException if the kernel refuses
         */
        public boolean add() throws LinuxException {
            return control(EPOLL_CTL_ADD, LinuxException.EEXIST);
        }

        private boolean control(int operation, int isNothing) throws LinuxException {
            // struct epoll_event is packed on x86-64 alone (linux/eventpoll.h, EPOLL_PACKED).
            var dataAt = System.getProperty("os.arch", "").equals("aarch64") ? 8 : 4;
            try (var arena = Arena.ofConfined()) {
                var event = arena.allocate(16, 8);
                event.set(JAVA_INT, 0, events);
                event.set(JAVA_LONG_UNALIGNED, dataAt, data);
                var result = SystemCall.EPOLL_CTL.invoke(instance, operation, target, event.address());
                if (result == -isNothing || result == -LinuxException.EBADF) {
                    return false;
                }
                check(result, "epoll_ctl", instance, operation, target);
                return true;
            }
        }
    }

    /**
     * Everything registered under a number.
     *
     * @param target the number
     * @return the registrations, of all instances; what other threads change meanwhile may be in it or not
     * @throws IOException if {@code /proc} cannot be read
     */
    public static List<Registration> registrations(int target) throws IOException {
        return registrations().stream().filter(one -> one.target() == target).toList();
    }

    /**
     * Everything registered.
     *
     * @return the registrations, of all instances; what other threads change meanwhile may be in it or not
     * @throws IOException if {@code /proc} cannot be read
     */
    public static List<Registration> registrations() throws IOException {
        var found = new ArrayList<Registration>();
        try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var entry : entries) {
                var number = Integer.parseInt(entry.getFileName().toString());
                if (Descriptors.name(number).equals(NAME)) {
                    read(number, found);
                }
            }
        }
        return List.copyOf(found);
    }

    private static void read(int instance, List<Registration> into) throws IOException {
        try {
            for (var line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + instance))) {
                var matcher = LINE.matcher(line);
                if (matcher.matches()) {
                    into.add(new Registration(
                            instance,
                            Integer.parseInt(matcher.group(1)),
                            Long.parseLong(matcher.group(4), 16),
                            Integer.parseUnsignedInt(matcher.group(2), 16),
                            Long.parseUnsignedLong(matcher.group(3), 16)));
                }
            }
        } catch (NoSuchFileException e) {
            // Closed since the directory was read.
        }
    }
}

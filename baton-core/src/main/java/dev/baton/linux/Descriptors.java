package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What can be done with any descriptor, and how many there are. */
public final class Descriptors {
    static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final int F_GETFD = 1;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int FD_CLOEXEC = 1;

    private Descriptors() {}

    /**
     * Makes the number {@code target} stand for what {@code source} stands for, close-on-exec; what it stood for before is
     * closed in the same step (dup3(2)). If that was registered with epoll and is open elsewhere too, the registration
     * stays behind: remove it first (epoll(7), "Questions and answers", 6).
     *
     * @param source an open descriptor; it stays open
     * @param target the number to overwrite, not that of {@code source}
     * @throws LinuxException {@link LinuxException#EBADF} if the source is closed or the target beyond the limit;
     *     {@link LinuxException#EINVAL} if both are one; {@link LinuxException#EBUSY} if another thread is opening a file
     *     under that number just now
     */
    public static void duplicateOnto(Descriptor source, int target) throws LinuxException {
        var n = source.number();
        check(SystemCall.DUP3.invoke(n, target, O_CLOEXEC), "dup3", n, target);
    }

    /**
     * {@return whether a program started by this process would not have it}
     *
     * @param descriptor an open descriptor
     * @throws UncheckedIOException if it is not open
     */
    public static boolean isCloseOnExec(Descriptor descriptor) {
        return (flags(descriptor, F_GETFD, "F_GETFD") & FD_CLOEXEC) != 0;
    }

    /**
     * {@return whether calls on it return at once; true for every holder of the same open file, in whatever process}
     *
     * @param descriptor an open descriptor
     * @throws UncheckedIOException if it is not open
     */
    public static boolean isNonBlocking(Descriptor descriptor) {
        return (flags(descriptor, F_GETFL, "F_GETFL") & O_NONBLOCK) != 0;
    }

    /**
     * Makes calls on it return at once, for every holder of the same open file, in whatever process. There is no way back
     * here: whoever relies on it may be elsewhere.
     *
     * @param descriptor an open descriptor
     * @throws LinuxException if it is not open
     */
    public static void makeNonBlocking(Descriptor descriptor) throws LinuxException {
        setFlags(descriptor, flags(descriptor, F_GETFL, "F_GETFL") | O_NONBLOCK);
    }

    /**
     * Makes calls on it wait, for every holder of the same open file. Only for one that no other process has.
     *
     * @param descriptor an open descriptor
     * @throws LinuxException if it is not open
     */
    public static void makeBlocking(Descriptor descriptor) throws LinuxException {
        setFlags(descriptor, flags(descriptor, F_GETFL, "F_GETFL") & ~O_NONBLOCK);
    }

    private static void setFlags(Descriptor descriptor, long flags) throws LinuxException {
        check(SystemCall.FCNTL.invoke(descriptor.number(), F_SETFL, flags), "fcntl", descriptor.number(), "F_SETFL");
    }

    /**
     * What a descriptor stands for, as the kernel names it: {@code socket:[4711]}, {@code anon_inode:[eventpoll]}. Two
     * descriptors of one socket have the same name, and no two sockets have one.
     *
     * @param number the descriptor's number
     * @return its name, empty if it is not open
     */
    public static String name(int number) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + number)).toString();
        } catch (IOException e) {
            return "";
        }
    }

    private static long flags(Descriptor descriptor, int command, String name) {
        var n = descriptor.number();
        try {
            return check(SystemCall.FCNTL.invoke(n, command), "fcntl", n, name);
        } catch (LinuxException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * {@return how many descriptors this process has open}
     *
     * @throws UncheckedIOException if {@code /proc} cannot be read, or no descriptor is left to read it with
     */
    public static int open() {
        try (var entries = Files.list(Path.of("/proc/self/fd"))) {
            var theListingsOwn = 1;
            return (int) entries.count() - theListingsOwn;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot count the open descriptors in /proc/self/fd: " + e, e);
        }
    }

    /**
     * {@return how many descriptors this process may have open, the soft limit RLIMIT_NOFILE; {@link Long#MAX_VALUE} when
     * there is none}
     *
     * @throws UncheckedIOException if {@code /proc} cannot be read
     */
    public static long limit() {
        var name = "Max open files";
        try (var lines = Files.lines(Path.of("/proc/self/limits"))) {
            var soft = lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(name.length()).strip().split("\\s+", 2)[0])
                    .findFirst()
                    .orElseThrow(() -> new IOException("it has no line \"" + name + "\""));
            return soft.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(soft);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the limit of descriptors in /proc/self/limits: " + e, e);
        }
    }

    /**
     * A pipe, blocking and close-on-exec (pipe2(2)).
     *
     * @return the end to read from, the end to write to
     * @throws LinuxException {@link LinuxException#EMFILE} if no descriptor is left
     */
    public static List<OwnedDescriptor> pipe() throws LinuxException {
        try (var arena = Arena.ofConfined()) {
            var ends = arena.allocate(JAVA_INT, 2);
            check(SystemCall.PIPE2.invoke(ends.address(), O_CLOEXEC), "pipe2");
            return List.of(
                    OwnedDescriptor.of(ends.getAtIndex(JAVA_INT, 0)), OwnedDescriptor.of(ends.getAtIndex(JAVA_INT, 1)));
        }
    }
}

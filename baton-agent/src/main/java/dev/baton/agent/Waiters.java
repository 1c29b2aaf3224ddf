package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.linux.Processes;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/** Threads of this process that wait in a system call for a listener, whoever started them ({@code /proc/self/task}). */
final class Waiters {
    /*
     * A thread that entered accept(2) keeps the socket it entered with, whatever its number stands for by now, and takes one
     * more connection from it. A signal makes it return with EINTR and, in the JDK, call again. The signal is the one by
     * which the JDK itself wakes such threads on close (libnio, NativeThread.c: SIGRTMAX - 2); its handler does nothing, and
     * where it is not installed no thread of the JDK can be waiting.
     *
     * A thread seen running may be on its way into accept with the former socket, or on its way out of it; on a busy machine
     * it may stay there, waiting for a processor. It is looked at until it has used the processor between two looks,
     * twice: by then it sleeps in its call, where it is seen, or has left it. That a woken one has left the former call is
     * also seen by the count of its voluntary switches: it went to sleep again since.
     */
    private static final int WAKE_UP_SIGNAL = 62;
    private static final int RUNS = 2;
    private static final long LOOK_AGAIN_NANOS = 1_000_000;
    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final Duration LONG_LIMIT = Duration.ofMinutes(1);

    private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");
    private static final Set<String> ACCEPT = ARM ? Set.of("202", "242") : Set.of("43", "288");
    private static final Set<String> READ = ARM ? Set.of("63", "207") : Set.of("0", "45");
    private static final Set<String> POLL = ARM ? Set.of("73") : Set.of("7", "271");
    private static final String RUNNING = "running";
    private static final Path TASKS = Path.of("/proc/self/task");

    private Waiters() {}

    /** {@return whether a thread waits in accept or poll for what this number stands for, or stood for when it began} */
    static boolean areAt(int number) throws IOException {
        try (var tasks = Files.newDirectoryStream(TASKS)) {
            for (var task : tasks) {
                if (waitsFor(call(task), number)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** {@return the descriptors that threads wait to read from, or to become readable} */
    static Set<Integer> reading() throws IOException {
        var found = new HashSet<Integer>();
        try (var tasks = Files.newDirectoryStream(TASKS)) {
            for (var task : tasks) {
                var number = read(call(task).split(" ", 4));
                if (number >= 0) {
                    found.add(number);
                }
            }
        }
        return found;
    }

    /**
     * Wakes the threads that wait to read from some descriptors, or for them to become readable. They look again at what the
     * number stands for, or are on their way out of the call when this returns.
     *
     * @param numbers the descriptors
     * @throws IOException if a thread waits there that is not the JDK's
     */
    static void wake(Set<Integer> numbers) throws IOException {
        try (var tasks = Files.newDirectoryStream(TASKS)) {
            for (var task : tasks) {
                if (numbers.contains(read(call(task).split(" ", 4)))) {
                    wake(task);
                }
            }
        }
    }

    /** The descriptor that a call waits to read from; -1 for any other call. */
    private static int read(String[] words) {
        if (words.length == 4 && READ.contains(words[0])) {
            return (int) number(words[1]);
        }
        return words.length == 4 && POLL.contains(words[0]) ? firstPolled(number(words[1])) : -1;
    }

    /**
     * Makes every thread that waits with the former meaning of a number look at it anew. When it returns, none waits for
     * what the number stood for before; but a thread that has got no processor for two seconds may still do so, and is
     * watched on: it takes one more connection at most, which the application serves like any other.
     *
     * @throws IOException if a thread waits there that cannot be woken
     */
    static void move(int number) throws IOException {
        var woken = new HashMap<Path, String>();
        var ran = new HashMap<Path, Ran>();
        if (!move(number, woken, ran, LIMIT)) {
            Thread.ofPlatform().daemon().name("baton-waiters").start(() -> moveOn(number, woken, ran));
        }
    }

    private static void moveOn(int number, Map<Path, String> woken, Map<Path, Ran> ran) {
        try {
            if (!move(number, woken, ran, LONG_LIMIT)) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "a thread has not been seen to leave its accept on descriptor {0} within {1} s; a connection"
                                + " it takes now may be lost",
                        number,
                        LONG_LIMIT.toSeconds());
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot watch threads any more: {0}", e.getMessage());
        }
    }

    private static boolean move(int number, Map<Path, String> woken, Map<Path, Ran> ran, Duration limit)
            throws IOException {
        var end = System.nanoTime() + limit.toNanos();
        while (true) {
            boolean done = true;
            try (var tasks = Files.newDirectoryStream(TASKS)) {
                for (var task : tasks) {
                    done &= isMoved(task, number, woken, ran);
                }
            }
            if (done || System.nanoTime() > end) {
                return done;
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
        }
    }

    /** How much processor time a thread had used when it was last looked at, and between how many looks it used some. */
    private record Ran(String time, int times) {}

    private static boolean isMoved(Path task, int number, Map<Path, String> woken, Map<Path, Ran> ran)
            throws IOException {
        var call = call(task);
        if (call.equals(RUNNING)) {
            var time = read(task.resolve("schedstat")).split(" ", 2)[0];
            var before = ran.get(task);
            var now = before == null
                    ? new Ran(time, 0)
                    : new Ran(time, time.equals(before.time()) ? before.times() : before.times() + 1);
            ran.put(task, now);
            return now.times() >= RUNS;
        }
        if (!waitsFor(call, number)) {
            return true;
        }
        var switches = status(task, "voluntary_ctxt_switches:");
        var before = woken.putIfAbsent(task, switches);
        if (before == null) {
            wake(task);
            return false;
        }
        return !before.equals(switches);
    }

    private static void wake(Path task) throws IOException {
        var caught = Long.parseUnsignedLong(status(Path.of("/proc/self"), "SigCgt:"), 16);
        if ((caught >>> (WAKE_UP_SIGNAL - 1) & 1) == 0) {
            throw new IOException("a thread that is not the JDK's waits in accept and cannot be woken");
        }
        var _ = Processes.signal(Long.parseLong(task.getFileName().toString()), WAKE_UP_SIGNAL);
    }

    /** {@code 43 0x7 ...}, the call's number and its arguments; {@code running}; or nothing when the thread has ended. */
    private static String call(Path task) {
        return read(task.resolve("syscall"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private static boolean waitsFor(String call, int number) {
        var words = call.split(" ", 4);
        if (words.length < 4) {
            return false;
        }
        if (ACCEPT.contains(words[0])) {
            return (int) number(words[1]) == number;
        }
        return POLL.contains(words[0]) && firstPolled(number(words[1])) == number;
    }

    private static long number(String hexadecimal) {
        return Long.parseUnsignedLong(hexadecimal.substring(2), 16);
    }

    /** The descriptor in the first struct pollfd, by way of a file: reading memory of a thread that ends is no crash there. */
    private static int firstPolled(long address) {
        try (var memory = new RandomAccessFile("/proc/self/mem", "r")) {
            memory.seek(address);
            return Integer.reverseBytes(memory.readInt());
        } catch (IOException e) {
            return -1;
        }
    }

    private static String status(Path process, String key) throws IOException {
        try (var lines = Files.lines(process.resolve("status"))) {
            return lines.filter(line -> line.startsWith(key))
                    .map(line -> line.substring(key.length()).strip())
                    .findFirst()
                    .orElse("0");
        } catch (java.io.UncheckedIOException | java.nio.file.NoSuchFileException e) {
            return "0"; // it has ended
        }
    }
}

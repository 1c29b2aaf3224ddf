package dev.baton.it;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What a successor does wrong, and where it stands then: {@code FAULT=DEED STEP} in its environment. It knows nothing of Baton, so
 * that an application which does not either can do the same. What happens to a process is written down in the file
 * {@code history}: {@code TIME PID GENERATION WHAT}, the time in nanoseconds of the machine's monotonic clock.
 */
final class Misdeed {
    /** Where a successor stands when it misbehaves. */
    enum Step {
        /** Not yet a line of Baton has run. */
        STARTED,
        /** It has been welcomed. */
        JOINED,
        /** It has the incumbent's listener. */
        LISTENING,
        /** It has read the state and is about to say ready. */
        PREPARED,
        /** It has called {@code ready()}; the message may be under way, or it may accept already. */
        READY,
        /** The incumbent has paused, and nobody accepts. */
        SWITCHING,
        /** It accepts, and has not said so. */
        ACCEPTING,
        /** It has answered its first requests. */
        ANSWERING,
        /** It is the incumbent, and its predecessor drains. */
        COMMITTED,
        /** It has been offered live connections, and has not said that it takes them. */
        OFFERED,
        /** It has taken the first of them. */
        TAKEN,
        /** It has got the baton. */
        HOLDING;
    }

    /** What a successor does. */
    enum Deed {
        EXIT,
        /** {@code Runtime.halt}, as after a crash: no hook runs. */
        CRASH,
        HANG,
        /** Says {@link #REASON}, and leaves. */
        FAIL,
        /** Throws from a callback of Baton, or from main. */
        THROW,
        /** Tells progress again and again, and goes on after {@link App#DAWDLING} times the child time-out. */
        DAWDLE,
        /** Says ready and serving again and again, without ever taking a listener; then exits. */
        LIE,
        KILL_ITSELF,
        KILL_INCUMBENT,
        TERMINATE_INCUMBENT,
        /** SIGSTOP, and SIGCONT after {@link #SUSPENDED_S}. */
        SUSPEND_ITSELF,
        /** The same, and its supervisor is killed meanwhile, after {@link #FORSAKEN_S}. */
        SUSPEND_ITSELF_AND_KILL_SUPERVISOR,
        SUSPEND_INCUMBENT,
        /** SIGHUP again and again. */
        STORM_INCUMBENT,
        KILL_SUPERVISOR,
        SUSPEND_SUPERVISOR,
        STORM_SUPERVISOR,
        /** Connects to the control socket, and says what no version of the protocol has. */
        TALK_NONSENSE,
        /** A frame of a future version. */
        TALK_OF_THE_FUTURE,
        /** Deletes the file of the control socket. */
        UNLINK_SOCKET,
        /** Stops the reader of the log for {@link #SUSPENDED_S}, and fills the pipe to it, as a slow disk does. */
        BLOCK_LOG,
        /** Opens files until there is no descriptor left. */
        EXHAUST_DESCRIPTORS,
        /** Gets no more memory than it has (RLIMIT_AS) for {@link #SUSPENDED_S}. */
        EXHAUST_MEMORY;
    }

    /** A pipe that the log goes through, and a file with the pid of its reader. */
    static final String LOG_PIPE = "log.pipe";

    static final String LOG_READER = "log.reader";
    static final String REASON = "the database is gone";
    static final int EXIT_CODE = 3;
    static final int CRASH_CODE = 42;
    static final int SUSPENDED_S = 9;
    private static final int FORSAKEN_S = 3;

    private static final int STORM = 50;
    private static final List<FileInputStream> OPEN = new ArrayList<>();

    private final Path directory;
    private final @Nullable Deed deed;
    private final @Nullable Step step;
    private volatile int generation;

    private Misdeed(Path directory, @Nullable Deed deed, @Nullable Step step) {
        this.directory = directory;
        this.deed = deed;
        this.step = step;
    }

    /** That of this process; one that is no successor does nothing wrong. */
    static Misdeed ofThisProcess(Path directory) {
        var fault = System.getenv("BATON_TOKEN") == null ? "" : System.getenv().getOrDefault("FAULT", "");
        if (fault.isEmpty()) {
            return new Misdeed(directory, null, null);
        }
        var words = fault.split(" ", 2);
        return new Misdeed(directory, Deed.valueOf(words[0]), Step.valueOf(words[1]));
    }

    /** Tells the generation of this process, for the history. */
    void generation(int number) {
        generation = number;
    }

    boolean isDueAt(Step where) {
        return step == where;
    }

    Deed deed() {
        return Objects.requireNonNull(deed);
    }

    /** Does it, if this is where. */
    void at(Step where) throws Exception {
        if (isDueAt(where)) {
            commit();
        }
    }

    /** Does it; returns if this process goes on. */
    void commit() throws Exception {
        note();
        switch (deed()) {
            case EXIT -> System.exit(EXIT_CODE);
            case CRASH -> Runtime.getRuntime().halt(CRASH_CODE);
            case HANG -> park();
            case THROW -> throw new IOException(REASON);
            case KILL_ITSELF -> {
                signal("KILL", pid());
                park();
            }
            case KILL_INCUMBENT -> signal("KILL", incumbent());
            case TERMINATE_INCUMBENT -> signal("TERM", incumbent());
            case SUSPEND_ITSELF -> suspend(pid());
            case SUSPEND_ITSELF_AND_KILL_SUPERVISOR -> {
                new ProcessBuilder("sh", "-c", "sleep " + FORSAKEN_S + "; kill -KILL " + supervisor()).start();
                suspend(pid());
            }
            case SUSPEND_INCUMBENT -> suspend(incumbent());
            case STORM_INCUMBENT -> storm(incumbent());
            case KILL_SUPERVISOR -> signal("KILL", supervisor());
            case SUSPEND_SUPERVISOR -> suspend(supervisor());
            case STORM_SUPERVISOR -> storm(supervisor());
            case UNLINK_SOCKET -> Files.deleteIfExists(directory.resolve("app.sock"));
            case BLOCK_LOG -> blockLog();
            case EXHAUST_DESCRIPTORS -> exhaust();
            case EXHAUST_MEMORY -> limitMemory();
            case FAIL, DAWDLE, LIE, TALK_NONSENSE, TALK_OF_THE_FUTURE ->
                throw new IllegalStateException(deed + " takes an application that knows Baton");
        }
    }

    /** Writes down that it is done. */
    void note() {
        note("fault " + deed + " " + step);
    }

    /** Writes down what has happened. */
    void note(String what) {
        try {
            Files.writeString(
                    directory.resolve("history"),
                    System.nanoTime() + " " + pid() + " " + generation + " " + what + "\n",
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The process that was the incumbent when this one was started. */
    static long incumbent() {
        return Long.parseLong(System.getenv("INCUMBENT"));
    }

    private static long supervisor() {
        return ProcessHandle.current().parent().orElseThrow().pid();
    }

    private static void storm(long pid) throws IOException {
        for (int i = 0; i < STORM; i++) {
            signal("HUP", pid);
        }
    }

    private static void suspend(long pid) throws IOException {
        new ProcessBuilder("sh", "-c", "sleep " + SUSPENDED_S + "; kill -CONT " + pid).start();
        signal("STOP", pid);
    }

    /** dd(1) writes without waiting: whole pages first, then what fits into the last one. */
    private void blockLog() throws IOException {
        suspend(Long.parseLong(Files.readString(directory.resolve(LOG_READER)).strip()));
        var fill = "tr '\\0' '\\n' < /dev/zero 2> /dev/null | dd of=" + directory.resolve(LOG_PIPE)
                + " iflag=fullblock oflag=nonblock,append conv=notrunc 2> /dev/null bs=";
        try {
            for (var size : List.of(4096, 1)) {
                new ProcessBuilder("sh", "-c", fill + size).start().waitFor();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void exhaust() {
        try {
            while (true) {
                OPEN.add(new FileInputStream("/dev/null"));
            }
        } catch (IOException e) {
            // That was the last one.
        }
    }

    private static void limitMemory() throws Exception {
        var size = Files.readAllLines(Path.of("/proc/self/statm")).getFirst().split(" ", 2)[0];
        var limit = "prlimit --pid " + pid() + " --as=";
        new ProcessBuilder("sh", "-c", "sleep " + SUSPENDED_S + "; " + limit + "unlimited:").start();
        new ProcessBuilder("sh", "-c", limit + "$(($(getconf PAGESIZE) * " + size + ")):")
                .start()
                .waitFor();
    }

    private static void park() {
        while (true) {
            LockSupport.park();
        }
    }

    private static void signal(String name, long pid) throws IOException {
        try {
            new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }
}

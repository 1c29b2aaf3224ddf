package dev.baton.handover;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.launch.Ancestry;
import dev.baton.launch.LaunchSpec;
import dev.baton.linux.Descriptor;
import dev.baton.linux.LinuxException;
import dev.baton.linux.Processes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A started successor: its process and, once it said hello, its link. Confined to the loop's thread.
 *
 * <p>The end of a process and the end of its link are noticed apart, in either order, and the last message may still lie in
 * the link when the process is gone already ({@code failed}, then exit). So the end is told once: as an exit when both have
 * come, as a lost link when the process goes on living without it.
 */
public final class Successor {
    /** The environment variable with the path of the incumbent's control socket. */
    static final String SOCKET_VARIABLE = "BATON_SOCKET";

    /** The environment variable with the one-time token. */
    static final String TOKEN_VARIABLE = "BATON_TOKEN";

    /** How an exit with code 0 is told. */
    public static final String EXITED_WELL = "exited with code 0";

    private static final Duration LAST_WORDS = Duration.ofSeconds(1);
    private static final Duration EXIT_AFTER_LINK = Duration.ofSeconds(2);
    private static final SecureRandom RANDOM = new SecureRandom();

    private final ControlLoop loop;
    private final int generation;
    private Consumer<Handover.Event> events;
    private @Nullable Member member;
    private final String token;
    private @Nullable ProcessHandle process;
    private Supplier<String> howItEnded = () -> "has ended";
    private @Nullable Connection link;
    private @Nullable String linkEnded;
    private boolean exited;
    private boolean told;
    private boolean unwanted;

    Successor(ControlLoop loop, int generation, Consumer<Handover.Event> events) {
        this.loop = loop;
        this.generation = generation;
        this.events = events;
        var bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        this.token = HexFormat.of().formatHex(bytes);
    }

    /** Who has to do with a successor after the commitment, where it stays linked: its supervisor. */
    public interface Member {
        /**
         * It said something.
         *
         * @param message its words
         */
        void said(Message message);

        /**
         * Its process, or its link, has ended.
         *
         * @param event an exit or a lost link
         */
        void ended(Handover.Event event);
    }

    /**
     * Lets a supervisor hear what the successor says from now on. Its end is told to both, the supervisor last.
     *
     * @param supervisor who is told
     */
    public void join(Member supervisor) {
        member = supervisor;
        var conductor = events;
        events = event -> {
            conductor.accept(event);
            supervisor.ended(event);
        };
    }

    @Nullable
    Member member() {
        return member;
    }

    /** {@return the number of its generation} */
    public int generation() {
        return generation;
    }

    /** {@return the process that said hello, before that the one started, which may be a script; null before both} */
    public @Nullable Long pid() {
        if (link != null && link.peer().pid() != 0) {
            return (long) link.peer().pid();
        }
        return process == null ? null : process.pid();
    }

    @Nullable
    Connection link() {
        return link;
    }

    /** Reads what to start and starts it, on a thread of its own: disks are slow and a JVM forks slowly. */
    void start(Callable<LaunchSpec> launch, Path controlSocket) {
        Thread.ofPlatform().daemon().name("baton-start").start(() -> {
            try {
                var started = launch.call()
                        .with(SOCKET_VARIABLE, controlSocket.toString())
                        .with(TOKEN_VARIABLE, token)
                        .start();
                loop.execute(() -> started(started));
            } catch (Exception e) {
                loop.execute(() -> tell(new Handover.Event.StartFailed(String.valueOf(e.getMessage()))));
            }
        });
    }

    /**
     * Whether a hello comes from the process that was started, or from one that a start script of it started.
     *
     * @return null if so, else what is wrong with it
     */
    @Nullable
    String refusal(Message.Hello hello, long peerPid) {
        if (!MessageDigest.isEqual(
                token.getBytes(StandardCharsets.US_ASCII), hello.token().getBytes(StandardCharsets.UTF_8))) {
            return "its token is not the one the successor was started with";
        }
        if (!awaitsHello()) {
            return "its token was used already";
        }
        if (process != null && !isFamily(peerPid)) {
            return "pid " + peerPid + " is neither the started successor, pid " + process.pid()
                    + ", nor a descendant of it";
        }
        return null;
    }

    /** {@return whether a process is the started one, or was started by it} */
    boolean isFamily(long peerPid) {
        return process != null && Ancestry.isSameOrDescendant(peerPid, process.pid());
    }

    void linked(Connection connection) {
        link = connection;
        linkEnded = null;
    }

    void linkEnded(String reason) {
        linkEnded = reason;
        if (exited) {
            tellExit();
        } else {
            var ended = link;
            loop.after(EXIT_AFTER_LINK, () -> {
                if (exited || link != ended) {
                    return;
                }
                if (wasHelper()
                        && ended != null
                        && ProcessHandle.of(ended.peer().pid()).isEmpty()) {
                    link = null;
                } else {
                    tell(new Handover.Event.LinkLost(reason));
                }
            });
        }
    }

    /** {@return whether it has not said hello, or who did was another program of the same start script} */
    boolean awaitsHello() {
        return link == null || wasHelper();
    }

    /** A start script may run other JVMs before the application, which take themselves for the successor and end. */
    private boolean wasHelper() {
        return link != null
                && linkEnded != null
                && member == null
                && process != null
                && link.peer().pid() != process.pid();
    }

    /**
     * Sends a message over the link.
     *
     * @param message the message
     * @param descriptors what goes with it; stays the caller's
     * @return whether it was sent
     */
    public boolean say(Message message, Descriptor... descriptors) {
        return link != null && link.send(message, descriptors);
    }

    /**
     * Asks it to leave: by a message if it listens, else by SIGTERM, which is always for good.
     *
     * @param reason why
     * @param forGood whether it is to leave also if its incumbent ends meanwhile
     */
    public void end(String reason, boolean forGood) {
        unwanted = true;
        if (link != null && link.send(forGood ? new Message.Drain(reason) : new Message.TakeBack(reason))) {
            return;
        }
        if (process != null) {
            process.destroy();
        }
    }

    /** Sends SIGKILL to its process and to those it started. */
    public void kill() {
        unwanted = true;
        if (process != null) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    void forget() {
        if (link != null) {
            link.close();
        }
    }

    private void started(Process started) {
        process = started.toHandle();
        howItEnded = () -> describe(started.exitValue());
        if (unwanted) {
            started.destroyForcibly();
        }
        var _ = started.onExit().thenRun(() -> loop.execute(this::exited));
    }

    /** A generation that somebody else has started, and that serves already. */
    void adopt(ProcessHandle handle, Connection connection) throws LinuxException {
        process = handle;
        link = connection;
        var descriptor = Processes.descriptor(handle.pid());
        loop.watch(descriptor, () -> {
            loop.unwatch(descriptor);
            descriptor.close();
            exited();
        });
    }

    private void exited() {
        exited = true;
        if (link == null || linkEnded != null) {
            tellExit();
        } else {
            loop.after(LAST_WORDS, this::tellExit);
        }
    }

    private void tellExit() {
        if (process != null && !told) {
            told = true;
            tell(new Handover.Event.Exited(howItEnded.get()));
        }
    }

    private void tell(Handover.Event event) {
        events.accept(event);
    }

    /** In words what a shell would say: 143 is "was ended by SIGTERM". */
    private static String describe(int exitValue) {
        return switch (exitValue) {
            case 128 + 1 -> "was ended by SIGHUP";
            case 128 + 2 -> "was ended by SIGINT";
            case 128 + 6 -> "crashed (SIGABRT)";
            case 128 + 9 -> "was killed (SIGKILL)";
            case 128 + 11 -> "crashed (SIGSEGV)";
            case 128 + 15 -> "was ended by SIGTERM";
            default -> "exited with code " + exitValue;
        };
    }
}

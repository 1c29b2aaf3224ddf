package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Datagrams;
import dev.baton.linux.LinuxException;
import dev.baton.linux.Listeners;
import dev.baton.linux.OwnedDescriptor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The service manager's protocols: tells it how things stand (sd_notify(3)), and takes the sockets it has opened
 * (sd_listen_fds(3)). Where there is none, all of it does nothing. Safe for use by any thread; nothing here waits.
 */
public final class Systemd {
    private static final int FIRST_SOCKET = 3;
    private static final int MOST_SOCKETS = 1024;

    /** What the service manager says to one process, and the processes that it starts must not take for said to them. */
    public static final List<String> VARIABLES =
            List.of("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES");

    private final @Nullable String socket;
    private final @Nullable Duration watchdog;
    private @Nullable String last;

    private Systemd(@Nullable String socket, @Nullable Duration watchdog) {
        this.socket = socket;
        this.watchdog = watchdog;
    }

    /**
     * The service manager of a process.
     *
     * @param environment the process' environment
     * @param isHeir whether what the service manager said was said to an earlier generation, whose place this one takes
     * @return it, or one that hears nothing
     */
    public static Systemd of(Map<String, String> environment, boolean isHeir) {
        var socket = environment.get("NOTIFY_SOCKET");
        if (socket == null || !(socket.startsWith("/") || socket.startsWith("@"))) {
            return new Systemd(null, null);
        }
        var whose = environment.get("WATCHDOG_PID");
        var own = Long.toString(ProcessHandle.current().pid());
        var micros = whose == null || whose.equals(own) || isHeir ? number(environment.get("WATCHDOG_USEC")) : 0;
        return new Systemd(socket, micros > 0 ? Duration.ofNanos(micros * 1000) : null);
    }

    /** {@return how often to say {@link #alive}: twice as often as it is asked for} */
    public Optional<Duration> aliveEvery() {
        return Optional.ofNullable(watchdog).map(limit -> limit.dividedBy(2));
    }

    /**
     * It serves: after the start, and after a reload however that ended.
     *
     * @param status in words
     */
    public void ready(String status) {
        state("READY=1", status);
    }

    /**
     * A process other than this one serves from now on, and is the one to watch.
     *
     * @param pid the process
     * @param status in words
     */
    public void handedOver(long pid, String status) {
        state("MAINPID=" + pid + "\nREADY=1", status);
    }

    /**
     * A handover runs.
     *
     * @param status in words
     */
    public synchronized void reloading(String status) {
        // On Linux nanoTime is CLOCK_MONOTONIC (HotSpot, os::javaTimeNanos), which is what is asked for.
        var now = System.nanoTime() / 1000;
        if (!"RELOADING=1".equals(last)) {
            last = "RELOADING=1";
            send("RELOADING=1\nMONOTONIC_USEC=" + now + "\nSTATUS=" + oneLine(status));
        } else {
            send("STATUS=" + oneLine(status));
        }
    }

    /**
     * It stops, for good.
     *
     * @param status in words
     * @param limit how long that may take
     */
    public void stopping(String status, Duration limit) {
        state("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + limit.toNanos() / 1000, status);
    }

    /**
     * Words for who asks how things stand.
     *
     * @param status in words
     */
    public void status(String status) {
        send("STATUS=" + oneLine(status));
    }

    /** It is alive, as the watchdog wants to hear. */
    public void alive() {
        send("WATCHDOG=1");
    }

    /** Once: what is said twice, such as READY=1 with nothing in between, means nothing. */
    private synchronized void state(String state, String status) {
        if (state.equals(last)) {
            status(status);
        } else {
            last = state;
            send(state + "\nSTATUS=" + oneLine(status));
        }
    }

    private static String oneLine(String text) {
        return text.replace('\n', ' ');
    }

    private void send(String words) {
        if (socket == null) {
            return;
        }
        try {
            Datagrams.send(socket, words.getBytes(StandardCharsets.UTF_8));
        } catch (LinuxException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the service manager at {0} did not hear {1}: {2}",
                    socket,
                    words.lines().findFirst().orElse(""),
                    e.getMessage());
        }
    }

    /**
     * A listening socket that the service manager has opened.
     *
     * @param name what it calls it ({@code FileDescriptorName=})
     * @param descriptor the socket
     */
    public record Socket(String name, OwnedDescriptor descriptor) {}

    /**
     * Takes the listening sockets that the service manager has opened for this process. Once: they are open under other
     * numbers after that. What is not a listening stream socket is left alone and logged.
     *
     * @param environment this process' environment
     * @return the sockets, the caller's to close; none if {@code LISTEN_PID} names another process
     */
    public static List<Socket> sockets(Map<String, String> environment) {
        var taken = new ArrayList<Socket>();
        if (number(environment.get("LISTEN_PID")) != ProcessHandle.current().pid()) {
            return taken;
        }
        var names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        var count = Math.min(number(environment.get("LISTEN_FDS")), MOST_SOCKETS);
        for (int i = 0; i < count; i++) {
            var number = FIRST_SOCKET + i;
            var name = i < names.length && !names[i].isEmpty() ? names[i] : "unknown";
            try {
                var borrowed = new BorrowedDescriptor(number);
                if (Listeners.isListening(borrowed)) {
                    var copy = borrowed.duplicate();
                    OwnedDescriptor.of(number).close();
                    taken.add(new Socket(name, copy));
                } else {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "descriptor {0}, {1}, of the service manager is no listening socket and left alone",
                            number,
                            name);
                }
            } catch (LinuxException e) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "descriptor {0}, {1}, of the service manager cannot be taken: {2}",
                        number,
                        name,
                        e.getMessage());
            }
        }
        return taken;
    }

    private static long number(@Nullable String text) {
        return text != null && text.matches("[0-9]{1,18}") ? Long.parseLong(text) : 0;
    }
}

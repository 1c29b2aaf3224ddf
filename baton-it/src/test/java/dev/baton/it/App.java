package dev.baton.it;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.LiveConnection;
import dev.baton.Open;
import dev.baton.Server;
import dev.baton.State;
import dev.baton.cli.HelloHandler;
import dev.baton.control.ControlClient;
import dev.baton.control.Frame;
import dev.baton.control.Message;
import dev.baton.linux.PacketSocket;
import dev.baton.netty.Handler;
import dev.baton.netty.HttpServer;
import dev.baton.netty.Request;
import dev.baton.netty.Response;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A server as {@code baton hello}, whose successors misbehave as the environment says. It writes down what happens to it
 * in the file {@code history}: {@code TIME PID GENERATION WHAT}, the time in nanoseconds of the machine's monotonic clock.
 *
 * <p>Settings that concern every generation are system properties ({@code -DchildTimeout=PT2S}); what concerns the next
 * one is in the environment file:
 *
 * <ul>
 *   <li>{@code FAULT=DEED STEP}: what a successor does, and when
 *   <li>{@code STATE_MIB=N}: a state this generation offers; {@code STATE_BREAKS=yes}: its writer fails in the middle
 * </ul>
 */
final class App {
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
        /** Says {@link App#REASON}, and leaves. */
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
        /** SIGSTOP, and SIGCONT after {@link App#SUSPENDED_S}. */
        SUSPEND_ITSELF,
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
        /** Opens files until there is no descriptor left. */
        EXHAUST_DESCRIPTORS;
    }

    static final String REASON = "the database is gone";
    static final int EXIT_CODE = 3;
    static final int CRASH_CODE = 42;
    static final int DAWDLING = 3;
    static final int SUSPENDED_S = 9;
    static final byte STATE_BYTE = 's';

    private static final int FIRST_ANSWERS = 5;
    private static final int STORM = 50;
    private static final int MIB = 1024 * 1024;

    private static final List<FileInputStream> OPEN = new ArrayList<>();

    private final Path directory;
    private final String fault;
    private final AtomicLong answers = new AtomicLong();
    private volatile int generation;

    private App(Path directory) {
        this.directory = directory;
        this.fault = System.getenv("BATON_TOKEN") == null ? "" : System.getenv().getOrDefault("FAULT", "");
    }

    public static void main(String[] args) throws Exception {
        new App(Path.of(args[0])).run();
    }

    private void run() throws Exception {
        at(Step.STARTED);
        var baton = Baton.join(BatonConfig.builder()
                .name("app")
                .controlSocket(directory.resolve("app.sock"))
                .pidFile(directory.resolve("app.pid"))
                .environmentFile(directory.resolve("environment"))
                .childTimeout(setting("childTimeout", "PT20S"))
                .readyTimeout(setting("readyTimeout", "PT40S"))
                .watch(setting("watch", "PT0.5S"))
                .shutdownTimeout(setting("shutdownTimeout", "PT30S"))
                .moveOver(setting("moveOver", "PT0S"))
                .build());
        generation = baton.generation();
        note("joined");
        baton.onBaton(() -> start(baton), () -> note("baton stop"));
        baton.onDrain(_ -> note("drained"));
        baton.offerState("state", App::writeState);
        try {
            at(Step.JOINED, baton);
            var listener = baton.listen("http", BatonConfig.parseAddress(System.getProperty("address", "127.0.0.1:0")));
            at(Step.LISTENING, baton);
            baton.attach(onResume(() -> at(Step.SWITCHING, baton)));
            var server = HttpServer.builder(answering(baton))
                    .takeOverWebSocket(HelloHandler.Tally.KIND, HelloHandler.Tally::from)
                    .headerTimeout(Duration.ofSeconds(60))
                    .everyAnswer(answer -> answer.header("x-pid", Long.toString(pid()))
                            .header("x-generation", Integer.toString(generation)))
                    .build();
            baton.attach(onOffer(server, baton));
            server.start(baton, listener);
            baton.attach(onResume(() -> at(Step.ACCEPTING, baton)));
            readState(baton);
            at(Step.PREPARED, baton);
        } catch (Exception e) {
            note("failed: " + e.getMessage());
            baton.failed(String.valueOf(e.getMessage()));
            System.exit(1);
        }
        note("ready");
        baton.ready();
        at(Step.READY, baton);
        if (fault.endsWith(Step.COMMITTED.name())) {
            while (baton.state() != State.SERVING) {
                LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
            }
            at(Step.COMMITTED, baton);
        }
        baton.awaitEnd();
    }

    private void start(Baton baton) {
        note("baton start");
        try {
            at(Step.HOLDING, baton);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- serving

    /** Hello's answers, and {@code /saw?request=PORT-SEQUENCE}: whether this process ever had that request. */
    private Handler answering(Baton baton) {
        var hello = new HelloHandler();
        Set<String> seen = ConcurrentHashMap.newKeySet();
        return request -> {
            if (request.path().equals("/saw")) {
                return Response.text(seen.contains(request.query("request").orElseThrow()) + "\n");
            }
            seen.add(port(request) + "-" + request.headers().first("x-seq").orElse(""));
            if (answers.incrementAndGet() == FIRST_ANSWERS) {
                at(Step.ANSWERING, baton);
            }
            return hello.handle(request);
        };
    }

    private static int port(Request request) {
        return request.remote() instanceof InetSocketAddress address ? address.getPort() : 0;
    }

    /** A server that serves nothing, so that the test is asked at the instants at which servers are. */
    private static class Onlooker implements Server {
        @Override
        public void pause() {}

        @Override
        public void resume() throws Exception {}

        @Override
        public Drained drain(Deadline deadline) {
            return Drained.NOTHING;
        }

        @Override
        public Open open() {
            return Open.NOTHING;
        }
    }

    private interface OnResume {
        void run() throws Exception;
    }

    private static Server onResume(OnResume action) {
        return new Onlooker() {
            @Override
            public void resume() throws Exception {
                action.run();
            }
        };
    }

    private Server onOffer(HttpServer server, Baton baton) {
        var offered = new AtomicLong();
        return new Onlooker() {
            @Override
            public boolean canAdopt(LiveConnection connection) {
                try {
                    if (offered.incrementAndGet() == 1) {
                        at(Step.OFFERED, baton);
                        Thread.startVirtualThread(() -> atTaken(server, baton));
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                return false;
            }
        };
    }

    private void atTaken(HttpServer server, Baton baton) {
        if (!fault.endsWith(" " + Step.TAKEN)) {
            return;
        }
        while (server.open().connections() == 0) {
            LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
        }
        try {
            at(Step.TAKEN, baton);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- state

    private static void writeState(OutputStream out) throws IOException {
        var mebibyte = new byte[MIB];
        java.util.Arrays.fill(mebibyte, STATE_BYTE);
        int size = Integer.parseInt(System.getenv().getOrDefault("STATE_MIB", "0"));
        for (int i = 0; i < size; i++) {
            if (i == size / 2 && System.getenv("STATE_BREAKS") != null) {
                throw new IOException("the cache broke");
            }
            out.write(mebibyte);
        }
    }

    /** Serves without the state when it cannot be read: the incumbent may have been killed. */
    private void readState(Baton baton) {
        try {
            var state = baton.inheritedState("state");
            if (state.isPresent()) {
                note("state " + length(state.get()));
            }
        } catch (IOException e) {
            note("no state: " + e.getMessage());
        }
    }

    private static long length(InputStream state) throws IOException {
        try (state) {
            var buffer = new byte[MIB];
            long total = 0;
            for (int read = state.read(buffer); read >= 0; read = state.read(buffer)) {
                for (int i = 0; i < read; i++) {
                    if (buffer[i] != STATE_BYTE) {
                        throw new IOException("byte " + (total + i) + " of the state is " + buffer[i]);
                    }
                }
                total += read;
            }
            return total;
        }
    }

    // ---- misbehaving

    private void at(Step step) throws Exception {
        if (fault.endsWith(" " + step)) {
            misbehave();
        }
    }

    private void misbehave() throws Exception {
        note("fault " + fault);
        switch (deed()) {
            case EXIT -> System.exit(EXIT_CODE);
            case CRASH -> Runtime.getRuntime().halt(CRASH_CODE);
            case HANG -> park();
            case THROW -> throw new IOException(REASON);
            case LIE -> lie();
            case KILL_ITSELF -> {
                signal("KILL", pid());
                park();
            }
            case FAIL, DAWDLE -> throw new IllegalStateException(fault + " needs Baton.join to have returned");
            default -> disturb(Long.parseLong(System.getenv("INCUMBENT")));
        }
    }

    private void at(Step step, Baton baton) throws IOException {
        if (!fault.endsWith(" " + step)) {
            return;
        }
        switch (deed()) {
            case FAIL -> {
                note("fault " + fault);
                baton.failed(REASON);
                System.exit(1);
            }
            case DAWDLE -> dawdle(baton);
            default -> {
                try {
                    misbehave();
                } catch (IOException e) {
                    throw e;
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }

    /** What leaves this process as it is. */
    private void disturb(long incumbent) throws IOException {
        switch (deed()) {
            case KILL_INCUMBENT -> signal("KILL", incumbent);
            case TERMINATE_INCUMBENT -> signal("TERM", incumbent);
            case SUSPEND_ITSELF -> suspend(pid());
            case SUSPEND_INCUMBENT -> suspend(incumbent);
            case STORM_INCUMBENT -> storm(incumbent);
            case KILL_SUPERVISOR -> signal("KILL", supervisor());
            case SUSPEND_SUPERVISOR -> suspend(supervisor());
            case STORM_SUPERVISOR -> storm(supervisor());
            case TALK_NONSENSE -> talk("\u0001\u0002 nonsense".getBytes(StandardCharsets.UTF_8));
            case TALK_OF_THE_FUTURE -> talk("BTN\u0002{\"type\":\"ready\"}".getBytes(StandardCharsets.UTF_8));
            case UNLINK_SOCKET -> Files.deleteIfExists(directory.resolve("app.sock"));
            case EXHAUST_DESCRIPTORS -> exhaust();
            default -> throw new IllegalStateException(fault);
        }
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

    private void talk(byte[] words) throws IOException {
        try (var socket = PacketSocket.connect(directory.resolve("app.sock"))) {
            socket.send(words, List.of());
            var _ = socket.receive(Frame.LIMIT_BYTES);
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

    private Deed deed() {
        return Deed.valueOf(fault.substring(0, fault.indexOf(' ')));
    }

    private void dawdle(Baton baton) {
        var end = System.nanoTime()
                + setting("childTimeout", "PT20S").multipliedBy(DAWDLING).toNanos();
        while (System.nanoTime() < end) {
            baton.progress("warming up");
            LockSupport.parkNanos(setting("childTimeout", "PT20S").dividedBy(5).toNanos());
        }
        note("dawdled");
    }

    /** The lie is told on the control socket itself: {@link Baton} says nothing twice, and nothing untrue. */
    private static void lie() throws IOException {
        try (var link = ControlClient.connect(Path.of(System.getenv("BATON_SOCKET")))) {
            link.send(new Message.Hello(System.getenv("BATON_TOKEN"), pid(), "development"));
            link.send(new Message.Serving());
            link.send(new Message.Ready());
            link.send(new Message.Ready());
            link.send(new Message.Commit(true));
            link.send(new Message.Serving());
            while (!(link.receive(Duration.ofSeconds(10)) instanceof Message.Switch)) {
                link.send(new Message.Ready());
            }
            link.send(new Message.Serving());
            link.send(new Message.Drained(1_000_000, 0, 0, null));
        }
        System.exit(EXIT_CODE);
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

    private void note(String what) {
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

    private static Duration setting(String name, String ifAbsent) {
        return Duration.parse(System.getProperty(name, ifAbsent));
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }
}

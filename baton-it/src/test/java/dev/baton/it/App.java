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
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import dev.baton.linux.PacketSocket;
import dev.baton.netty.Handler;
import dev.baton.netty.HttpServer;
import dev.baton.netty.Request;
import dev.baton.netty.Response;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A server as {@code baton hello}, whose successors misbehave as the environment says, see {@link Misdeed}, where it also
 * writes down what happens to it.
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
    /** How many times the child time-out {@link Deed#DAWDLE} takes. */
    static final int DAWDLING = 3;

    static final byte STATE_BYTE = 's';

    private static final int FIRST_ANSWERS = 5;
    private static final int MIB = 1024 * 1024;

    private final Path directory;
    private final Misdeed misdeed;
    private final AtomicLong answers = new AtomicLong();

    private App(Path directory) {
        this.directory = directory;
        this.misdeed = Misdeed.ofThisProcess(directory);
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
        misdeed.generation(baton.generation());
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
                            .header("x-generation", Integer.toString(baton.generation())))
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
        if (misdeed.isDueAt(Step.COMMITTED)) {
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
        if (!misdeed.isDueAt(Step.TAKEN)) {
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

    /** Before {@link Baton#join}. */
    private void at(Step step) throws Exception {
        if (misdeed.isDueAt(step)) {
            misbehave();
        }
    }

    private void at(Step step, Baton baton) throws IOException {
        if (!misdeed.isDueAt(step)) {
            return;
        }
        switch (misdeed.deed()) {
            case FAIL -> {
                misdeed.note();
                baton.failed(Misdeed.REASON);
                System.exit(1);
            }
            case DAWDLE -> {
                misdeed.note();
                dawdle(baton);
            }
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

    private void misbehave() throws Exception {
        switch (misdeed.deed()) {
            case LIE -> {
                misdeed.note();
                lie();
            }
            case TALK_NONSENSE -> {
                misdeed.note();
                talk("\u0001\u0002 nonsense".getBytes(StandardCharsets.UTF_8));
            }
            case TALK_OF_THE_FUTURE -> {
                misdeed.note();
                talk("BTN\u0002{\"type\":\"ready\"}".getBytes(StandardCharsets.UTF_8));
            }
            default -> misdeed.commit();
        }
    }

    private void talk(byte[] words) throws IOException {
        try (var socket = PacketSocket.connect(directory.resolve("app.sock"))) {
            socket.send(words, List.of());
            var _ = socket.receive(Frame.LIMIT_BYTES);
        }
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
        System.exit(Misdeed.EXIT_CODE);
    }

    private void note(String what) {
        misdeed.note(what);
    }

    private static Duration setting(String name, String ifAbsent) {
        return Duration.parse(System.getProperty(name, ifAbsent));
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }
}

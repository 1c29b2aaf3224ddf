package dev.baton.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.ControlClient;
import dev.baton.control.Frame;
import dev.baton.control.Message;
import dev.baton.launch.ProcessStatus;
import dev.baton.linux.Descriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.Poller;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a control socket may be sent by mistake or by malice: it answers or closes, and nothing else suffers. */
@Timeout(120)
class GarbageIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration REST = Duration.ofMillis(2);
    private static final int SILENT = 100;
    private static final int ROUNDS = 100;
    private static final int OVERSIZED = 100 * 1024;

    /** What the JDK and Netty may open late, in descriptors. */
    private static final int SLACK = 8;

    @TempDir
    Path directory;

    private final long seed = new Random().nextLong();

    @Test
    void shouldHandOverInTheMiddleOfIt() throws Exception {
        try (var app = Site.in(directory).start()) {
            var incumbent = app.pid();
            var socket = app.controlSocket();
            var before = descriptors(incumbent);

            try (var noise = new Noise(socket, seed)) {
                noise.awaitRounds(ROUNDS);
            }
            await().atMost(LIMIT)
                    .untilAsserted(() -> assertThat(descriptors(incumbent))
                            .as("descriptors of the incumbent")
                            .isLessThanOrEqualTo(before + SLACK));

            try (var noise = new Noise(socket, seed + 1);
                    var load = app.load().start()) {
                noise.awaitRounds(ROUNDS / 2);
                Deployment.signal("HUP", incumbent);
                app.awaitLog("handed over to");
                noise.awaitRounds(ROUNDS / 2);
                Site.assertNothingLost(load);
            }
            app.awaitPhase("idle");
            assertThat(app.pid()).isNotEqualTo(incumbent);
            assertThat(app.status().generation()).isEqualTo(2);
            await().atMost(LIMIT)
                    .untilAsserted(() -> assertThat(descriptors(app.pid()))
                            .as("descriptors of the successor")
                            .isLessThanOrEqualTo(before + SLACK));
            app.restarted();
        }
    }

    @Test
    void shouldRefuseByNameWhatItDoesNotKnowAndGoOn() throws Exception {
        try (var app = Site.in(directory).start();
                var socket = PacketSocket.connect(app.controlSocket())) {
            socket.send(json("{\"type\":\"make_tea\",\"sugar\":2}"), List.of());
            assertThat(answer(socket))
                    .isEqualTo(new Message.Refused(Message.Refused.UNKNOWN, "unknown message 'make_tea'"));

            socket.send(json("{\"type\":\"status\",\"of_a_later_version\":true}"), List.of());
            assertThat(answer(socket)).isInstanceOf(Message.StatusReply.class);
        }
    }

    @Test
    void shouldSayWhatIsWrongWithAFrameAndCloseItsConnection() throws Exception {
        try (var app = Site.in(directory).start();
                var pipe = Descriptors.pipe().getFirst()) {
            var socket = app.controlSocket();
            assertThat(refusal(socket, "GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8), List.of()))
                    .contains("no frame of this protocol");
            assertThat(refusal(socket, new byte[] {'B', 'T', 'N', 9, '{', '}'}, List.of()))
                    .contains("version 9", "speaks version 1");
            assertThat(refusal(socket, json("{\"type\":\"sta"), List.of())).contains("cannot be read");
            assertThat(refusal(socket, json("[".repeat(5000)), List.of())).contains("cannot be read");
            assertThat(refusal(socket, json("{\"type\":\"hello\"}"), List.of())).contains("hello lacks token");
            assertThat(refusal(socket, new byte[OVERSIZED], List.of())).contains("too large", "65536");
            assertThat(refusal(
                            socket,
                            json("{\"type\":\"status\"}"),
                            Collections.nCopies(PacketSocket.MAX_DESCRIPTORS, pipe)))
                    .contains("253 descriptors in one frame; the limit is 200");
        }
    }

    private static byte[] json(String text) {
        return ("BTN\u0001" + text).getBytes(UTF_8);
    }

    private static long descriptors(long pid) {
        return ProcessStatus.of(pid).descriptors().orElseThrow();
    }

    private static String refusal(Path path, byte[] packet, List<? extends Descriptor> descriptors) throws Exception {
        try (var socket = PacketSocket.connect(path);
                var poller = new Poller()) {
            socket.send(packet, descriptors);
            var refused = (Message.Refused) answer(socket);
            var _ = poller.await(Set.of(socket.descriptor()), LIMIT);
            assertThat(socket.receive(1)).isInstanceOf(PacketSocket.Received.End.class);
            return refused.reason();
        }
    }

    private static Message answer(PacketSocket socket) throws IOException {
        try (var poller = new Poller()) {
            var _ = poller.await(Set.of(socket.descriptor()), LIMIT);
            var received = (PacketSocket.Received.Packet) socket.receive(Frame.LIMIT_BYTES);
            received.descriptors().forEach(OwnedDescriptor::close);
            return Frame.decode(received.bytes());
        }
    }

    /** Everything at once, on as many threads, until it is closed. */
    private static final class Noise implements AutoCloseable {
        @SuppressWarnings("restricted")
        private static final MethodHandle SEND = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("send"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT));

        private final Path path;
        private final List<Thread> threads = new ArrayList<>();
        private final List<AtomicLong> rounds = new ArrayList<>();
        private final List<PacketSocket> silent = new ArrayList<>();
        private final OwnedDescriptor pipe = Descriptors.pipe().getFirst();
        private volatile boolean closed;

        private interface Deed {
            void on(PacketSocket socket) throws Throwable;
        }

        Noise(Path path, long seed) throws IOException {
            System.out.println("garbage with seed " + seed);
            this.path = path;
            var random = new Random(seed);
            for (int i = 0; i < SILENT; i++) {
                silent.add(ControlClient.knock(path));
            }
            again(socket -> {
                var bytes = new byte[1 + random.nextInt(2000)];
                random.nextBytes(bytes);
                if (random.nextBoolean()) {
                    System.arraycopy(json(""), 0, bytes, 0, Math.min(4, bytes.length));
                }
                socket.send(bytes, List.of());
            });
            again(socket -> {
                var _ = (long) SEND.invokeExact(socket.descriptor().number(), MemorySegment.NULL, 0L, 0x4000);
            });
            again(socket -> socket.send(json("{\"type\":\"restart"), List.of()));
            again(socket -> socket.send(new byte[OVERSIZED], List.of()));
            again(socket ->
                    socket.send(json("{\"type\":\"ready\"}"), Collections.nCopies(PacketSocket.MAX_DESCRIPTORS, pipe)));
            again(socket -> {
                socket.send(json("{\"type\":\"serving\"}"), Collections.nCopies(150, pipe));
                socket.send(json("{\"type\":\"serving\"}"), Collections.nCopies(150, pipe));
            });
            again(socket -> socket.send(new byte[] {'B', 'T', 'N', 2, '{', '}'}, List.of()));
            again(socket -> socket.send(json("{\"a\":".repeat(1000)), List.of()));
            again(socket -> socket.send(json("{\"type\":\"make_tea\"}"), List.of()));
            again(socket -> {
                // Never reads: its answers fill the buffer until it is given up.
                for (int i = 0; i < 2000 && socket.send(json("{\"type\":\"status\"}"), List.of()); i++) {}
            });
            again(socket -> {
                for (int i = 0; i < 20; i++) {
                    PacketSocket.connect(path).close();
                }
            });
        }

        private void again(Deed deed) {
            var done = new AtomicLong();
            rounds.add(done);
            threads.add(Thread.ofPlatform()
                    .daemon()
                    .name("noise-" + rounds.size())
                    .start(() -> {
                        while (!closed) {
                            try (var socket = PacketSocket.connect(path)) {
                                deed.on(socket);
                            } catch (LinuxException e) {
                                // Refused, closed, the queue full: what the others deserve.
                            } catch (Throwable e) {
                                throw new IllegalStateException(e);
                            }
                            done.incrementAndGet();
                            LockSupport.parkNanos(REST.toNanos());
                        }
                    }));
        }

        /** Returns when each kind has been sent that often since now. */
        void awaitRounds(int more) {
            var targets = rounds.stream().map(one -> one.get() + more).toList();
            await().atMost(LIMIT).until(() -> {
                for (int i = 0; i < targets.size(); i++) {
                    if (rounds.get(i).get() < targets.get(i)) {
                        return false;
                    }
                }
                return true;
            });
        }

        @Override
        public void close() {
            closed = true;
            for (var thread : threads) {
                await().atMost(LIMIT).until(() -> !thread.isAlive());
            }
            silent.forEach(PacketSocket::close);
            pipe.close();
        }
    }
}

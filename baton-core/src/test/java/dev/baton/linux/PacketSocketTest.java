package dev.baton.linux;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.baton.linux.PacketSocket.Received;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PacketSocketTest {
    private static final List<Descriptor> NONE = List.of();

    @TempDir
    private Path directory;

    private Map<Integer, String> openBefore = Map.of();

    @BeforeEach
    void rememberWhatIsOpen() throws IOException {
        openBefore = OpenFiles.now();
    }

    @AfterEach
    void shouldLeaveNothingOpen() throws IOException {
        assertThat(OpenFiles.now()).isEqualTo(openBefore);
    }

    @Test
    void shouldCarryPacketsWholeAndInOrder() throws Exception {
        var seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        inPair((a, b) -> {
            for (var i = 0; i < 100; i++) {
                var first = bytes(random, 1 + random.nextInt(4000));
                var second = bytes(random, 1 + random.nextInt(4000));
                assertThat(a.send(first, NONE)).isTrue();
                assertThat(a.send(second, NONE)).isTrue();
                assertThat(packet(b).bytes()).isEqualTo(first);
                assertThat(packet(b).bytes()).isEqualTo(second);
            }
            assertThat(b.receive(100)).isEqualTo(new Received.Nothing());
        });
    }

    @Test
    void shouldCarryDescriptorsThatStayOpenWhenTheSenderCloses() throws Exception {
        inPair((a, b) -> {
            var pipe = Descriptors.pipe();
            assertThat(a.send("pipe".getBytes(UTF_8), pipe)).isTrue();
            var inode = Files.readSymbolicLink(
                    Path.of("/proc/self/fd/" + pipe.get(0).number()));
            pipe.forEach(OwnedDescriptor::close);

            var received = packet(b);

            assertThat(received.bytes()).isEqualTo("pipe".getBytes(UTF_8));
            assertThat(received.descriptors()).hasSize(2).allSatisfy(d -> {
                assertThat(Files.readSymbolicLink(Path.of("/proc/self/fd/" + d.number())))
                        .isEqualTo(inode);
                assertThat(Descriptors.isCloseOnExec(d)).isTrue();
            });
            received.descriptors().forEach(OwnedDescriptor::close);
        });
    }

    @Test
    void shouldCarryTwoHundredAndFiftyThreeDescriptorsInOnePacket() throws Exception {
        inPair((a, b) -> {
            assertThat(a.send(new byte[1], Collections.nCopies(PacketSocket.MAX_DESCRIPTORS, a.descriptor())))
                    .isTrue();
            var received = packet(b).descriptors();
            assertThat(received).hasSize(253).allMatch(Descriptors::isCloseOnExec);
            received.forEach(OwnedDescriptor::close);
        });
    }

    @Test
    void shouldRefuseOneDescriptorMoreBeforeTheCall() throws Exception {
        inPair((a, b) -> {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> a.send(new byte[1], Collections.nCopies(254, a.descriptor())))
                    .withMessageContaining("254 descriptors")
                    .withMessageContaining("253");
            assertThat(b.receive(100)).isEqualTo(new Received.Nothing());
        });
    }

    @Test
    void shouldRefuseAnEmptyPacket() throws Exception {
        inPair((a, _) -> assertThatIllegalArgumentException().isThrownBy(() -> a.send(new byte[0], NONE)));
    }

    @Test
    void shouldSayThatAPacketWasLongerThanTheLimitAndCloseItsDescriptors() throws Exception {
        inPair((a, b) -> {
            assertThat(a.send(new byte[11], List.of(a.descriptor(), b.descriptor())))
                    .isTrue();
            assertThat(a.send(new byte[10], NONE)).isTrue();
            var before = OpenFiles.now();

            assertThat(b.receive(10)).isEqualTo(new Received.Truncated("longer than 10 bytes"));

            assertThat(OpenFiles.now()).isEqualTo(before);
            assertThat(packet(b).bytes()).hasSize(10);
        });
    }

    @Test
    void shouldSayThatDescriptorsWereLostWhenNoneIsLeftAndCloseThoseThatCame() throws IOException {
        try (var child = ChildJvm.runWithDescriptorLimit(128, OutOfDescriptors.class)) {
            assertThat(child.linesToTheEnd())
                    .containsExactly(
                            "Truncated[reason=only 2 of its descriptors could be received;"
                                    + " this process may have none left (ulimit -n)]",
                            "leaked 0",
                            "accept: EMFILE");
        }
    }

    /** Fills up its descriptors but for two, receives four, then fills up the rest. */
    static final class OutOfDescriptors {
        public static void main(String[] arguments) throws IOException {
            var directory = Files.createTempDirectory("packets");
            var path = directory.resolve("socket");
            var listening = PacketSocket.listen(path, 8);
            var client = PacketSocket.connect(path);
            var pair = PacketSocket.pair();
            var source = pair.getFirst().descriptor();
            var _ = pair.getFirst().send(new byte[1], Collections.nCopies(4, source));
            OpenFiles.now(); // loads what it needs while there are descriptors to load it with
            var filler =
                    OwnedDescriptor.of(((OwnedDescriptor) source).duplicate().release());
            var all = fill(filler);
            all.removeLast().close();
            all.removeLast().close();
            var received = pair.getLast().receive(100);
            var room = fill(filler);
            all.addAll(room);
            var refused = refusal(listening);
            all.forEach(OwnedDescriptor::close);
            System.out.println(received);
            System.out.println("leaked " + (2 - room.size()));
            System.out.println("accept: " + refused.errnoName());
            client.close();
            Files.delete(path);
            Files.delete(directory);
        }

        private static LinuxException refusal(PacketSocket listening) {
            try {
                throw new AssertionError("accepted " + listening.accept());
            } catch (LinuxException e) {
                return e;
            }
        }

        private static List<OwnedDescriptor> fill(OwnedDescriptor with) {
            var all = new ArrayList<OwnedDescriptor>();
            while (true) {
                try {
                    all.add(with.duplicate());
                } catch (LinuxException e) {
                    return all;
                }
            }
        }
    }

    @Test
    void shouldDeliverThePacketOfADeadPeerThenTheEnd() throws Exception {
        var path = directory.resolve("socket");
        try (var listening = PacketSocket.listen(path, 1)) {
            try (var child = ChildJvm.run(SendOne.class, path.toString())) {
                assertThat(child.line()).isEqualTo("sent");
            }
            try (var accepted = Objects.requireNonNull(listening.accept())) {
                var packet = packet(accepted);
                assertThat(packet.bytes()).isEqualTo("last words".getBytes(UTF_8));
                packet.descriptors().forEach(OwnedDescriptor::close);
                assertThat(accepted.receive(100)).isEqualTo(new Received.End());
                assertThatExceptionOfType(LinuxException.class)
                        .isThrownBy(() -> accepted.send(new byte[1], NONE))
                        .returns(LinuxException.EPIPE, LinuxException::errno);
            }
        }
    }

    /** Sends a packet with a descriptor and stays until it is killed. */
    static final class SendOne {
        public static void main(String[] arguments) throws Exception {
            var socket = PacketSocket.connect(Path.of(arguments[0]));
            var _ = socket.send("last words".getBytes(UTF_8), List.of(socket.descriptor()));
            System.out.println("sent");
            Thread.currentThread().join();
        }
    }

    @Test
    void shouldTellTheProcessAtEachEnd() throws Exception {
        var path = directory.resolve("socket");
        try (var listening = PacketSocket.listen(path, 1);
                var child = ChildJvm.run(TellPeer.class, path.toString());
                var poller = new Poller()) {
            assertThat(poller.await(List.of(listening.descriptor()), Duration.ofSeconds(30)))
                    .isNotEmpty();
            try (var accepted = Objects.requireNonNull(listening.accept())) {
                assertThat(accepted.peer().pid()).isEqualTo((int) child.pid());
                assertThat(accepted.peer().uid()).isEqualTo(User.id());
                assertThat(child.line())
                        .isEqualTo("%d %d", ProcessHandle.current().pid(), User.id());
            }
        }
    }

    /** Says who listens. */
    static final class TellPeer {
        public static void main(String[] arguments) throws Exception {
            var peer = PacketSocket.connect(Path.of(arguments[0])).peer();
            System.out.println(peer.pid() + " " + peer.uid());
            Thread.currentThread().join();
        }
    }

    @Test
    void shouldSeeTheEndWhenThePeerClosesEvenWithDataUnread() throws Exception {
        inPair((a, b) -> {
            assertThat(b.send(new byte[1], NONE)).isTrue();
            a.close();
            assertThat(b.receive(100)).isEqualTo(new Received.End());
        });
        inPair((a, b) -> {
            assertThat(b.send(new byte[1], NONE)).isTrue();
            a.close();
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> b.send(new byte[1], NONE))
                    .returns(LinuxException.EPIPE, LinuxException::errno);
        });
        inPair((a, b) -> {
            a.shutdown();
            assertThat(b.receive(100)).isEqualTo(new Received.End());
            assertThat(a.receive(100)).isEqualTo(new Received.End());
        });
    }

    @Test
    void shouldDeliverWhatAPeerSentBeforeItClosedWithDataUnread() throws Exception {
        inPair((a, b) -> {
            assertThat(b.send(new byte[1], NONE)).isTrue();
            assertThat(a.send(new byte[2], List.of(a.descriptor()))).isTrue();
            assertThat(a.send(new byte[3], NONE)).isTrue();
            a.close();
            var first = packet(b);
            assertThat(first.bytes()).hasSize(2);
            first.descriptors().forEach(OwnedDescriptor::close);
            assertThat(packet(b).bytes()).hasSize(3);
            assertThat(b.receive(100)).isEqualTo(new Received.End());
        });
    }

    @Test
    void shouldNotWaitWhenThePeerDoesNotRead() throws Exception {
        inPair((a, b) -> {
            var sent = 0;
            while (a.send(new byte[1000], List.of(b.descriptor()))) {
                sent++;
            }
            assertThat(sent).isPositive();
            for (var i = 0; i < sent; i++) {
                packet(b).descriptors().forEach(OwnedDescriptor::close);
            }
            assertThat(b.receive(1000)).isEqualTo(new Received.Nothing());
            assertThat(a.send(new byte[1000], NONE)).isTrue();
        });
    }

    @Test
    void shouldRefuseAPacketLargerThanTheSendBuffer() throws Exception {
        inPair((a, _) -> assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> a.send(new byte[100_000_000], NONE))
                .returns(LinuxException.EMSGSIZE, LinuxException::errno)
                .withMessageContaining("100000000 bytes"));
    }

    @Test
    void shouldMakeEverySocketCloseOnExecAndNonBlocking() throws Exception {
        var path = directory.resolve("socket");
        try (var listening = PacketSocket.listen(path, 1)) {
            assertThat(listening.accept()).isNull();
            try (var client = PacketSocket.connect(path);
                    var accepted = Objects.requireNonNull(listening.accept())) {
                assertThat(List.of(listening, client, accepted))
                        .extracting(PacketSocket::descriptor)
                        .allMatch(Descriptors::isCloseOnExec)
                        .allMatch(Descriptors::isNonBlocking);
            }
        }
    }

    @Test
    void shouldMakeTheFileForItsUserAlone() throws Exception {
        var path = directory.resolve("socket");
        try (var _ = PacketSocket.listen(path, 1)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void shouldSayWhyItCouldNotConnect() throws Exception {
        var path = directory.resolve("socket");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> PacketSocket.connect(path))
                .withMessage("connect(%s): ENOENT, no such file or directory", path)
                .returns(LinuxException.ENOENT, LinuxException::errno);

        PacketSocket.listen(path, 1).close();
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> PacketSocket.connect(path))
                .returns(LinuxException.ECONNREFUSED, LinuxException::errno);
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> PacketSocket.listen(path, 1))
                .returns(LinuxException.EADDRINUSE, LinuxException::errno);
    }

    @Test
    void shouldSayThatTheBacklogIsFull() throws Exception {
        var path = directory.resolve("socket");
        try (var _ = PacketSocket.listen(path, 0);
                var _ = PacketSocket.connect(path)) {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> PacketSocket.connect(path))
                    .returns(LinuxException.EAGAIN, LinuxException::errno);
        }
    }

    @Test
    void shouldTakeAPathOf107BytesAndNameTheLimitForALongerOne() throws Exception {
        var short107 = directory.resolve("x".repeat(107 - directory.toString().length() - 1));
        try (var _ = PacketSocket.listen(short107, 1);
                var client = PacketSocket.connect(short107)) {
            assertThat(client.peer().pid())
                    .isEqualTo((int) ProcessHandle.current().pid());
        }
        var long108 = directory.resolve(short107.getFileName() + "x");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> PacketSocket.listen(long108, 1))
                .withMessageContaining(long108.toString())
                .withMessageContaining("108 bytes")
                .withMessageContaining("107");
        assertThatExceptionOfType(LinuxException.class).isThrownBy(() -> PacketSocket.connect(long108));
    }

    @Test
    void shouldBeUsableFromAVirtualThreadAndHarmlessOnceClosed() throws Exception {
        var thread = Thread.ofVirtual().unstarted(() -> {
            try {
                inPair((a, b) -> {
                    assertThat(a.send(new byte[1], NONE)).isTrue();
                    assertThat(packet(b).bytes()).hasSize(1);
                    a.close();
                    a.close();
                    a.shutdown();
                    assertThatIllegalStateException().isThrownBy(() -> a.receive(1));
                    assertThatIllegalStateException().isThrownBy(() -> a.send(new byte[1], NONE));
                });
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        var failure = new AtomicReference<Throwable>();
        thread.setUncaughtExceptionHandler((_, e) -> failure.set(e));
        thread.start();
        thread.join();
        assertThat(failure.get()).isNull();
    }

    private interface PairTest {
        void run(PacketSocket a, PacketSocket b) throws Exception;
    }

    private static void inPair(PairTest test) throws Exception {
        var pair = PacketSocket.pair();
        try (var a = pair.get(0);
                var b = pair.get(1)) {
            test.run(a, b);
        }
    }

    private static Received.Packet packet(PacketSocket socket) throws LinuxException {
        return switch (socket.receive(1 << 20)) {
            case Received.Packet packet -> packet;
            case Received other -> throw new AssertionError("no packet but " + other);
        };
    }

    private static byte[] bytes(Random random, int length) {
        var bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}

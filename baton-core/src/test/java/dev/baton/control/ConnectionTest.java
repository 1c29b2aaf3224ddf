package dev.baton.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.linux.Descriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.OpenFiles;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ConnectionTest {
    private final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    private Map<Integer, String> openBefore;
    private ControlLoop loop;
    private Connection connection;
    private PacketSocket peer;

    @BeforeEach
    void connect() throws Exception {
        openBefore = OpenFiles.now();
        loop = new ControlLoop("test");
        var pair = PacketSocket.pair();
        peer = pair.get(1);
        connection = onLoop(pair.get(0));
    }

    @AfterEach
    void shouldLeaveNothingOpen() throws Exception {
        var closed = new CompletableFuture<Void>();
        loop.execute(() -> {
            connection.close();
            closed.complete(null);
        });
        closed.get(10, TimeUnit.SECONDS);
        loop.close();
        peer.close();
        await().untilAsserted(() -> assertThat(OpenFiles.now()).isEqualTo(openBefore));
    }

    private Connection onLoop(PacketSocket socket) throws Exception {
        var made = new CompletableFuture<Connection>();
        loop.execute(() -> {
            try {
                made.complete(new Connection(loop, socket, new Connection.Handler() {
                    @Override
                    public void received(Message message, List<OwnedDescriptor> descriptors) {
                        descriptors.forEach(OwnedDescriptor::close);
                        heard.add(message);
                    }

                    @Override
                    public void ended(String reason) {
                        heard.add("ended: " + reason);
                    }
                }));
            } catch (IOException e) {
                made.completeExceptionally(e);
            }
        });
        return made.get(10, TimeUnit.SECONDS);
    }

    private Object next() throws InterruptedException {
        var next = heard.poll(10, TimeUnit.SECONDS);
        assertThat(next).as("what the connection tells its owner").isNotNull();
        return next;
    }

    private Message answer() throws IOException {
        var received =
                await().until(() -> peer.receive(Frame.LIMIT_BYTES), PacketSocket.Received.Packet.class::isInstance);
        return Frame.decode(((PacketSocket.Received.Packet) received).bytes());
    }

    @Test
    void shouldCarryMessagesBothWays() throws Exception {
        assertThat(peer.send(Frame.encode(new Message.Progress("warming up")), List.of()))
                .isTrue();
        assertThat(next()).isEqualTo(new Message.Progress("warming up"));
        loop.execute(() -> assertThat(connection.send(new Message.Switch())).isTrue());
        assertThat(answer()).isEqualTo(new Message.Switch());
    }

    @Test
    void shouldRefuseAnUnknownMessageByNameAndGoOn() throws Exception {
        var pipe = Descriptors.pipe();
        peer.send(FrameTest.frame("{\"type\":\"teleport\"}"), List.of(pipe.get(0)));
        pipe.forEach(OwnedDescriptor::close);
        assertThat(answer()).isEqualTo(new Message.Refused(Message.Refused.UNKNOWN, "unknown message 'teleport'"));
        peer.send(Frame.encode(new Message.Ready()), List.of());
        assertThat(next()).isEqualTo(new Message.Ready());
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET / HTTP/1.1", "BTN\2{\"type\":\"ready\"}", "BTN\1{\"type\":\"rea", "BTN\1null", "BT"})
    void shouldEndWithAReasonOnWhatIsNoFrameAndLeaveOthersAlone(String garbage) throws Exception {
        var other = PacketSocket.pair();
        var second = onLoop(other.get(0));
        peer.send(garbage.getBytes(UTF_8), List.of());
        assertThat(next().toString())
                .startsWith("ended: pid " + ProcessHandle.current().pid() + " broke the protocol");
        assertThat(answer()).isInstanceOf(Message.Refused.class);
        other.get(1).send(Frame.encode(new Message.Ready()), List.of());
        assertThat(next()).isEqualTo(new Message.Ready());
        other.get(1).close();
        assertThat(next().toString()).endsWith("closed the connection");
        assertThat(second.send(new Message.Ready())).isFalse();
    }

    @Test
    void shouldEndOnAFrameThatIsTooLong() throws Exception {
        peer.send(new byte[Frame.LIMIT_BYTES + 1], List.of());
        assertThat(next().toString()).contains("the frame is too large: longer than 65536 bytes");
    }

    @Test
    void shouldEndOnTooManyDescriptorsAndCloseThemAll() throws Exception {
        var pipe = Descriptors.pipe();
        peer.send(
                Frame.encode(new Message.Ready()),
                Collections.<Descriptor>nCopies(PacketSocket.MAX_DESCRIPTORS, pipe.get(0)));
        assertThat(next().toString()).contains("253 descriptors in one frame; the limit is 200");
        pipe.forEach(OwnedDescriptor::close);
    }

    @Test
    void shouldEndWhenThePeerCloses() throws Exception {
        peer.close();
        assertThat(next().toString()).endsWith("closed the connection");
    }

    @Test
    void shouldGiveUpAPeerThatDoesNotReadWithoutBlockingTheLoop() throws Exception {
        loop.execute(() -> {
            var text = new Message.Progress("x".repeat(60_000));
            while (connection.send(text)) {
                assertThat(loop.isCurrent()).isTrue();
            }
            heard.add("went on");
        });
        assertThat(next()).isEqualTo("went on");
        assertThat(next().toString()).endsWith("does not read");
    }
}

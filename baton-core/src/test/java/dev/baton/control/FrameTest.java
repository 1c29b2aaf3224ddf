package dev.baton.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class FrameTest {
    private static final Message.Outcome ROLLED_BACK = new Message.Outcome(
            false,
            "it was ended by SIGTERM while it was watched",
            true,
            4711,
            3,
            4822L,
            4,
            812L,
            815L,
            1903,
            17,
            2,
            1,
            null);

    /** One of each, with the values of the recorded frames. */
    static List<Message> messages() {
        return List.of(
                new Message.Hello("00112233445566778899aabbccddeeff", 4822, "0.1.0"),
                new Message.GetListener("http"),
                new Message.GetState("sessions"),
                new Message.Progress("read 3 MiB of state"),
                new Message.Ready(),
                new Message.Failed("no database"),
                new Message.Serving(),
                new Message.InOffice(),
                new Message.Welcome(
                        4, "shop", 4711, List.of("http", "admin"), List.of("sessions", "baton.launch"), true),
                new Message.Pause(),
                new Message.Paused(),
                new Message.Listener("http", "[::]:8000", 42, "socket:[991]"),
                new Message.NoListener("metrics"),
                new Message.State("sessions"),
                new Message.NoState("carts"),
                new Message.Switch(),
                new Message.Commit(true),
                new Message.TakeBack("it failed while it was watched"),
                new Message.Drain("the operator asked for it"),
                new Message.Drained(17, 2, 1, null),
                new Message.Passage(4711, false),
                new Message.Connections(List.of(
                        new Message.Live("http", "http/1.1", 59_000, "R0VUIC8gSFQ=", null),
                        new Message.Live("http", "websocket", 0, "", "cm9vbSA3"))),
                new Message.Taken(List.of(0)),
                new Message.Kept(),
                new Message.Supervise("0.1.0"),
                new Message.Supervised(3, "shop", 4711),
                new Message.Offers(List.of("sessions", "baton.launch")),
                new Message.WriteState("sessions"),
                new Message.Restart(),
                ROLLED_BACK,
                new Message.Moved(4822),
                new Message.Status(),
                new Message.StatusReply(
                        "shop",
                        4711,
                        3,
                        "serving",
                        "idle",
                        86_400_000,
                        List.of(new Message.ListenerStatus("http", "127.0.0.1:8000", true)),
                        true,
                        null,
                        4600L,
                        12,
                        3,
                        250,
                        ROLLED_BACK,
                        "0.1.0",
                        null,
                        null),
                new Message.Refused(Message.Refused.FORBIDDEN, "its token was used already"));
    }

    @Test
    void shouldKnowOneExampleOfEveryMessage() {
        assertThat(messages().stream().map(Object::getClass))
                .containsExactlyInAnyOrder(Message.class.getPermittedSubclasses());
    }

    @ParameterizedTest
    @MethodSource("messages")
    void shouldComeBackAsItWent(Message message) throws IOException {
        assertThat(Frame.decode(Frame.encode(message))).isEqualTo(message);
    }

    @ParameterizedTest
    @MethodSource("messages")
    void shouldStillReadTheFramesOfVersion1(Message message) throws IOException {
        assertThat(Frame.decode(recorded(message))).isEqualTo(message);
    }

    @Test
    void shouldKeepTextInEveryScript() throws IOException {
        var message = new Message.Failed("ключ \"α\"\n\t\u0000 🎽");
        assertThat(Frame.decode(Frame.encode(message))).isEqualTo(message);
    }

    @Test
    void shouldIgnoreFieldsOfALaterVersion() throws IOException {
        assertThat(Frame.decode(frame("{\"type\":\"moved\",\"pid\":7,\"since\":{\"a\":[1,2]},\"why\":null}")))
                .isEqualTo(new Message.Moved(7));
    }

    @Test
    void shouldReadAnAbsentFieldAsNullWhereItMayBe() throws IOException {
        var decoded = Frame.decode(
                frame("{\"type\":\"outcome\",\"ok\":true,\"rolledBack\":false,\"fromPid\":1,\"fromGeneration\":1,"
                        + "\"toGeneration\":2,\"totalMs\":3,\"finished\":0,\"cutConnections\":0,\"cutRequests\":0}"));
        assertThat(decoded)
                .isEqualTo(new Message.Outcome(true, null, false, 1, 1, null, 2, null, null, 3, 0, 0, 0, null));
    }

    @Test
    void shouldRefuseAnUnknownMessageByItsName() {
        assertThatExceptionOfType(Frame.Violation.class)
                .isThrownBy(() -> Frame.decode(frame("{\"type\":\"teleport\"}")))
                .satisfies(e -> assertThat(e.code()).isEqualTo(Message.Refused.UNKNOWN))
                .withMessage("unknown message 'teleport'");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "7",
                "\"ready\"",
                "[]",
                "[{\"type\":\"ready\"}]",
                "{",
                "{\"type\":\"rea",
                "{}",
                "{\"type\":7}",
                "{\"type\":\"moved\"}",
                "{\"type\":\"moved\",\"pid\":null}",
                "{\"type\":\"moved\",\"pid\":\"7\"}",
                "{\"type\":\"moved\",\"pid\":1.5}",
                "{\"type\":\"moved\",\"pid\":18446744073709551617}",
                "{\"type\":\"moved\",\"pid\":1e999999999}",
                "{\"type\":\"drained\",\"finished\":4294967296,\"cutConnections\":0,\"cutRequests\":0}",
                "{\"type\":\"welcome\",\"generation\":1,\"name\":\"a\",\"pid\":1,\"listeners\":[null],\"states\":[]}",
                "{\"type\":\"ready\""
            })
    void shouldRefuseWhatIsNoMessage(String json) {
        assertThatExceptionOfType(Frame.Violation.class)
                .isThrownBy(() -> Frame.decode(frame(json)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(Message.Refused.PROTOCOL))
                .satisfies(e -> assertThat(e.rule()).isNotBlank());
    }

    @Test
    void shouldRefuseDeepNesting() {
        var json = "{\"type\":\"ready\",\"x\":" + "[".repeat(20_000) + "]".repeat(20_000) + "}";
        assertThatExceptionOfType(Frame.Violation.class).isThrownBy(() -> Frame.decode(frame(json)));
    }

    @Test
    void shouldNameTheVersionItCannotRead() {
        var packet = frame("{\"type\":\"ready\"}");
        packet[3] = 2;
        assertThatThrownBy(() -> Frame.decode(packet))
                .hasMessage("the frame has version 2, this process speaks version 1");
    }

    @Test
    void shouldNotSendWhatIsTooLong() {
        assertThatThrownBy(() -> Frame.encode(new Message.Progress("x".repeat(Frame.LIMIT_BYTES))))
                .isInstanceOf(Frame.Violation.class)
                .hasMessageContaining("longer than the limit of 65536");
    }

    @Test
    void shouldMeetEveryMutationWithAMessageOrAViolation() throws IOException {
        var seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        var frames = messages().stream().map(FrameTest::recorded).toList();
        for (var i = 0; i < 100_000; i++) {
            var packet = mutated(frames, random);
            try {
                assertThat(Frame.decode(packet)).isNotNull();
            } catch (Frame.Violation e) {
                assertThat(e.rule()).isNotBlank();
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ": " + new String(packet, UTF_8), e);
            }
        }
    }

    private static byte[] mutated(List<byte[]> frames, Random random) {
        var packet = frames.get(random.nextInt(frames.size())).clone();
        for (var times = 1 + random.nextInt(4); times > 0; times--) {
            var at = random.nextInt(packet.length);
            // Mostly behind the header, or little else would be tried.
            at = at < 4 && random.nextInt(10) > 0 ? packet.length - 1 : at;
            switch (random.nextInt(5)) {
                case 0 -> packet[at] = (byte) random.nextInt();
                case 1 -> packet[at] = (byte) "{}[]\",:0-e.\\u".charAt(random.nextInt(13));
                case 2 -> packet = Arrays.copyOf(packet, Math.max(1, at));
                case 3 -> {
                    var to = at + random.nextInt(packet.length - at);
                    packet = join(Arrays.copyOf(packet, to), Arrays.copyOfRange(packet, at, packet.length));
                }
                default -> {
                    var other = frames.get(random.nextInt(frames.size()));
                    packet = join(
                            Arrays.copyOf(packet, at),
                            Arrays.copyOfRange(other, random.nextInt(other.length), other.length));
                }
            }
            if (packet.length == 0) {
                return packet;
            }
        }
        return packet;
    }

    private static byte[] join(byte[] one, byte[] two) {
        var both = Arrays.copyOf(one, one.length + two.length);
        System.arraycopy(two, 0, both, one.length, two.length);
        return both;
    }

    static byte[] frame(String json) {
        return join(new byte[] {'B', 'T', 'N', Frame.VERSION}, json.getBytes(UTF_8));
    }

    static byte[] recorded(Message message) {
        var name = message.getClass().getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "_");
        var path = "/frames/v1/" + name.toLowerCase(java.util.Locale.ROOT) + ".json";
        try (var in = FrameTest.class.getResourceAsStream(path)) {
            assertThat(in).as("recorded frame %s", path).isNotNull();
            return frame(new String(in.readAllBytes(), UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

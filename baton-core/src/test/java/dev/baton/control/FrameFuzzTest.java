package dev.baton.control;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

/** Any bytes are a message that encodes to an equal one, or are refused by a rule. CONTRIBUTING.md tells how to fuzz. */
class FrameFuzzTest {
    static Stream<byte[]> recorded() {
        return FrameTest.messages().stream().map(FrameTest::recorded);
    }

    @MethodSource("recorded")
    @FuzzTest(maxDuration = "10m")
    void shouldBeAMessageOrAViolation(byte[] packet) throws IOException {
        Message message;
        try {
            message = Frame.decode(packet);
        } catch (Frame.Violation e) {
            assertThat(e.rule()).isNotBlank();
            return;
        }
        assertThat(Frame.decode(Frame.encode(message))).isEqualTo(message);
    }
}

package dev.baton.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;
import sun.nio.ch.BatonTraffic;

/**
 * However a conversation is cut into reads and writes, what is known of it is the same as byte by byte. And where it is said
 * to stand between two messages, Netty's decoders say so too: given one message more in each direction, that message is what
 * they see.
 *
 * <p>A conversation is a text: the byte 0 turns from one direction to the other, 1 ends a read or a write.
 */
class FramingFuzzTest {
    private static final int TURN = 0;
    private static final int CUT = 1;
    private static final int IN_PIECES = 10;
    private static final int BY_BYTES = 11;
    private static final String PROBE = "GET /probe HTTP/1.1\r\n\r\n";
    private static final String PROBE_ANSWER = "HTTP/1.1 299 Probe\r\nContent-Length: 0\r\n\r\n";

    /** {@code ~} is the end of a line, {@code >} and {@code |} are the bytes 0 and 1. */
    static Stream<byte[]> conversations() {
        return Stream.of(
                        "GET /path HTTP/1.1~Host: here~~>HTTP/1.1 200 OK~Content-Length: 5~~hello",
                        "HEAD / HTTP/1.1~|~>HTTP/1.1 200 OK~Content-Length: 5~~>GET / HTTP/1.1~~",
                        "PUT / HTTP/1.1~Transfer-Encoding: chunked~~4;x=y~abcd~0~X: y~~>HTTP/1.1 204 No Content~~",
                        "POST / HTTP/1.1~Content-Length: 3~~a>HTTP/1.1 100 Continue~~HTTP/1.1 304 Not Modified~~>bc",
                        "GET / HTTP/1.1~~GET / HTTP/1.1~~>HTTP/1.1 200~Transfer-Encoding: chunked~~5~he|llo~0~~",
                        "GET / HTTP/1.1~Connection: close~Authorization: Basic eA==~~",
                        "GET / HTTP/1.1~Upgrade: websocket~Connection: Upgrade~~>HTTP/1.1 101 Switching Protocols~~")
                .map(text -> text.replace("~", "\r\n").replace('>', '\0').replace('|', '\1'))
                .map(text -> text.getBytes(ISO_8859_1));
    }

    @MethodSource("conversations")
    @FuzzTest(maxDuration = "10m")
    void shouldKnowTheSameHoweverItIsCutAndNoEndThatIsNone(byte[] conversation) throws IOException {
        BatonTraffic.accepted(IN_PIECES, 0, null);
        BatonTraffic.accepted(BY_BYTES, 0, null);
        var memory = MemorySegment.ofBuffer(
                ByteBuffer.allocateDirect(conversation.length + Long.BYTES * 4).order(ByteOrder.nativeOrder()));
        var requests = new ByteArrayOutputStream();
        var responses = new ByteArrayOutputStream();
        var isResponse = false;
        var piece = new ByteArrayOutputStream();
        for (int i = 0; i <= conversation.length; i++) {
            if (i < conversation.length && conversation[i] != TURN && conversation[i] != CUT) {
                piece.write(conversation[i]);
                continue;
            }
            piece.writeTo(isResponse ? responses : requests);
            follow(piece.toByteArray(), isResponse, memory);
            piece.reset();
            isResponse ^= i < conversation.length && conversation[i] == TURN;
        }
        if (BatonTraffic.isResting(IN_PIECES, true)) {
            assertThatOthersSeeAnEnd(requests.toByteArray(), responses.toByteArray());
        }
    }

    private static void follow(byte[] piece, boolean isResponse, MemorySegment memory) {
        MemorySegment.copy(piece, 0, memory, ValueLayout.JAVA_BYTE, 0, piece.length);
        var inPieces = BatonTraffic.at(IN_PIECES);
        var byBytes = BatonTraffic.at(BY_BYTES);
        if (isResponse) {
            inPieces.sentFrom(vector(memory, piece.length), piece.length);
        } else {
            inPieces.received(memory.address(), piece.length);
        }
        for (int i = 0; i < piece.length; i++) {
            if (isResponse) {
                byBytes.sent(memory.address() + i, 1);
            } else {
                byBytes.received(memory.address() + i, 1);
            }
        }
        assertThat(BatonTraffic.isResting(IN_PIECES, true)).isEqualTo(BatonTraffic.isResting(BY_BYTES, true));
        assertThat(BatonTraffic.reason(IN_PIECES)).isEqualTo(BatonTraffic.reason(BY_BYTES));
        assertThat(BatonTraffic.counts(IN_PIECES)).isEqualTo(BatonTraffic.counts(BY_BYTES));
    }

    /** Two buffers, {@code struct iovec} of writev(2), behind the bytes themselves. */
    private static long vector(MemorySegment memory, int length) {
        long first = length / 3;
        long at = memory.byteSize() - Long.BYTES * 4;
        var fields = new long[] {memory.address(), first, memory.address() + first, length - first};
        for (int i = 0; i < fields.length; i++) {
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at + (long) Long.BYTES * i, fields[i]);
        }
        return memory.address() + at;
    }

    // ---- the others

    /** Who refuses one of the messages has no say: it would answer 400 and close. */
    private static void assertThatOthersSeeAnEnd(byte[] requests, byte[] responses) {
        var asked = decoded(new HttpRequestDecoder(), requests, PROBE);
        var methods = new ArrayDeque<HttpMethod>();
        var uris = new ArrayList<String>();
        for (var one : asked) {
            if (one instanceof HttpRequest request) {
                methods.add(request.method());
                uris.add(request.uri());
            }
        }
        var answered = decoded(new Responses(methods), responses, PROBE_ANSWER);
        if (Stream.concat(asked.stream(), answered.stream())
                .anyMatch(one -> one.decoderResult().isFailure())) {
            return;
        }
        var statuses = answered.stream()
                .filter(HttpResponse.class::isInstance)
                .map(one -> ((HttpResponse) one).status())
                .filter(status -> status.codeClass() != HttpStatusClass.INFORMATIONAL)
                .toList();
        assertThat(uris).hasSameSizeAs(statuses).last().isEqualTo("/probe");
        assertThat(statuses.getLast().code()).isEqualTo(299);
        assertThat(asked).last().isInstanceOf(LastHttpContent.class);
        assertThat(answered).last().isInstanceOf(LastHttpContent.class);
    }

    private static List<HttpObject> decoded(ChannelInboundHandler decoder, byte[] bytes, String probe) {
        var channel = new EmbeddedChannel(decoder);
        channel.writeInbound(Unpooled.wrappedBuffer(bytes, probe.getBytes(ISO_8859_1)));
        var decoded = new ArrayList<HttpObject>();
        for (HttpObject next = channel.readInbound(); next != null; next = channel.readInbound()) {
            decoded.add(next);
        }
        return decoded;
    }

    /** As a client reads them, who knows what was asked. */
    private static final class Responses extends HttpResponseDecoder {
        private final Queue<HttpMethod> asked;

        Responses(Queue<HttpMethod> asked) {
            this.asked = asked;
        }

        @Override
        protected boolean isContentAlwaysEmpty(HttpMessage message) {
            if (((HttpResponse) message).status().codeClass() == HttpStatusClass.INFORMATIONAL) {
                return super.isContentAlwaysEmpty(message);
            }
            return HttpMethod.HEAD.equals(asked.poll()) || super.isContentAlwaysEmpty(message);
        }
    }
}

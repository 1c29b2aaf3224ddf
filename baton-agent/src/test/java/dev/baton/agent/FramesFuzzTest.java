package dev.baton.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocket13FrameDecoder;
import io.netty.handler.codec.http2.DefaultHttp2FrameReader;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;
import sun.nio.ch.BatonFrames;

/**
 * However what a server sends is cut, the same places are found for a farewell. And where one may stand, Netty's decoders see
 * it: given it behind all that came, it is the last frame they find. Who refuses what came has no say: a client would close.
 */
class FramesFuzzTest {
    private static final byte[] UPGRADE = "Upgrade: websocket\r\n\r\n".getBytes(ISO_8859_1);

    static Stream<byte[]> streams() {
        return Stream.of(
                        "000000040000000000" + "000002010000000001" + "8288" + "000001090400000001" + "88",
                        "000000040000000000" + "000003000100000001" + "616263",
                        "000000040000000000" + "0000080700000000000000000000000000",
                        "000006040000000000" + "000300000064" + "000001010500000003" + "88",
                        "8203616263",
                        "01026465" + "80026667",
                        "827e0003616263",
                        "827f0000000000000003616263" + "8a00",
                        "880203e8")
                .map(HexFormat.of()::parseHex);
    }

    @MethodSource("streams")
    @FuzzTest(maxDuration = "10m")
    void shouldFindTheSamePlacesHoweverItIsCutAndNoneWithinAFrame(byte[] sent) {
        var http2 = BatonFrames.ofHttp2();
        follow(http2, BatonFrames.ofHttp2(), sent);
        if (http2.farewell() != null) {
            assertThatAGoawayIsSeen(Unpooled.wrappedBuffer(sent, http2.farewell()));
        }
        var webSocket = afterUpgrade();
        follow(webSocket, afterUpgrade(), sent);
        if (webSocket.farewell() != null) {
            assertThatACloseIsSeen(Unpooled.wrappedBuffer(sent, webSocket.farewell()));
        }
    }

    // ---- the others

    private static void assertThatAGoawayIsSeen(ByteBuf sent) {
        var streams = new ArrayList<Integer>();
        try (var reader = new DefaultHttp2FrameReader()) {
            reader.readFrame(context(), sent, new Http2FrameAdapter() {
                @Override
                public void onGoAwayRead(ChannelHandlerContext context, int lastStream, long error, ByteBuf debug) {
                    streams.add(lastStream);
                }
            });
        } catch (Http2Exception e) {
            return;
        }
        assertThat(streams).containsExactly(Integer.MAX_VALUE);
    }

    private static void assertThatACloseIsSeen(ByteBuf sent) {
        var decoder = new EmbeddedChannel(new WebSocket13FrameDecoder(false, true, Integer.MAX_VALUE));
        try {
            decoder.writeInbound(sent);
        } catch (DecoderException e) {
            return;
        }
        Object last = null;
        for (Object next = decoder.readInbound(); next != null; next = decoder.readInbound()) {
            last = next;
        }
        assertThat(last)
                .isInstanceOfSatisfying(
                        CloseWebSocketFrame.class,
                        close -> assertThat(close.statusCode()).isEqualTo(1001));
    }

    private static ChannelHandlerContext context() {
        return new EmbeddedChannel(new ChannelInboundHandlerAdapter())
                .pipeline()
                .firstContext();
    }

    // ----

    private static BatonFrames afterUpgrade() {
        var frames = BatonFrames.ofUpgrade();
        for (byte b : UPGRADE) {
            frames.take(b);
        }
        return frames;
    }

    /** In the largest pieces there can be, and byte by byte. */
    private static void follow(BatonFrames inPieces, BatonFrames byBytes, byte[] sent) {
        for (int i = 0; i < sent.length; ) {
            int piece = (int) Math.min(inPieces.skippable(), sent.length - i);
            if (piece > 0) {
                inPieces.skip(piece);
            } else {
                inPieces.take(sent[i]);
            }
            int next = i + Math.max(piece, 1);
            for (; i < next; i++) {
                assertThat(byBytes.skippable() > 0).isEqualTo(piece > 0);
                if (piece > 0) {
                    byBytes.skip(1);
                } else {
                    byBytes.take(sent[i]);
                }
            }
            assertThat(byBytes.farewell()).isEqualTo(inPieces.farewell());
            assertThat(byBytes.hasFarewell()).isEqualTo(inPieces.hasFarewell());
        }
    }
}

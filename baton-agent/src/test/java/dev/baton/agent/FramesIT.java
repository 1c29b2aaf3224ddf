package dev.baton.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The close is announced between two frames and nowhere else, at whatever byte one looks. */
class FramesIT {
    private static final Class<?> TYPE = FramingIT.load("sun.nio.ch.BatonFrames");
    private static final MethodHandle TAKE = method("take", MethodType.methodType(void.class, int.class));
    private static final MethodHandle SKIP = method("skip", MethodType.methodType(void.class, long.class));
    private static final MethodHandle SKIPPABLE = method("skippable", MethodType.methodType(long.class));
    private static final MethodHandle FAREWELL = method("farewell", MethodType.methodType(byte[].class));
    private static final MethodHandle IS_SAID = method("isSaid", MethodType.methodType(void.class));

    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final int GOAWAY = 7;
    private static final int CONTINUATION = 9;
    private static final int END_HEADERS = 4;

    private static MethodHandle method(String name, MethodType type) {
        try {
            return MethodHandles.publicLookup().findVirtual(TYPE, name, type);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(name, e);
        }
    }

    private static Object following(String how) throws ReflectiveOperationException {
        return TYPE.getMethod(how).invoke(null);
    }

    private static byte[] http2(int type, int flags, int length) {
        var frame = new byte[9 + length];
        frame[1] = (byte) (length >> 8);
        frame[2] = (byte) length;
        frame[3] = (byte) type;
        frame[4] = (byte) flags;
        frame[8] = 1;
        return frame;
    }

    private static byte[] hex(String bytes, int length) {
        var head = HexFormat.of().parseHex(bytes);
        return Arrays.copyOf(head, head.length + length);
    }

    private static byte[] text(String text) {
        return text.getBytes(ISO_8859_1);
    }

    /** {@return behind how many bytes a farewell may stand} */
    private static List<Integer> places(Object frames, byte[]... sent) throws Throwable {
        var all = new ByteArrayOutputStream();
        for (var part : sent) {
            all.writeBytes(part);
        }
        var places = new ArrayList<Integer>();
        for (int i = 0; i < all.size(); i++) {
            if ((long) SKIPPABLE.invoke(frames) > 0) {
                SKIP.invoke(frames, 1L);
            } else {
                TAKE.invoke(frames, (int) all.toByteArray()[i]);
            }
            if (FAREWELL.invoke(frames) != null) {
                places.add(i + 1);
            }
        }
        return places;
    }

    @Test
    void shouldFindThePlacesBetweenFramesOfHttp2ButNotWithinAHeaderBlock() throws Throwable {
        var frames = following("ofHttp2");

        assertThat(places(
                        frames,
                        http2(SETTINGS, 0, 6),
                        http2(HEADERS, 0, 20),
                        http2(CONTINUATION, END_HEADERS, 0),
                        http2(DATA, 1, 300)))
                .containsExactly(15, 15 + 29 + 9, 15 + 29 + 9 + 309);
        assertThat((byte[]) FAREWELL.invoke(frames))
                .isEqualTo(HexFormat.of().parseHex("0000080700000000007fffffff00000000"));
        IS_SAID.invoke(frames);
        assertThat(FAREWELL.invoke(frames)).isNull();
    }

    @Test
    void shouldAddNothingToAGoawayOfTheServersOwn() throws Throwable {
        assertThat(places(following("ofHttp2"), http2(SETTINGS, 0, 0), http2(GOAWAY, 0, 8), http2(DATA, 0, 1)))
                .containsExactly(9);
    }

    @Test
    void shouldClaimNothingOfWhatDoesNotBeginAsHttp2() throws Throwable {
        assertThat(places(following("ofHttp2"), http2(DATA, 0, 5), http2(SETTINGS, 0, 0)))
                .isEmpty();
    }

    @Test
    void shouldFindThePlacesBetweenFramesOfAWebSocket() throws Throwable {
        var fields = text("\r\nConnection: Upgrade\r\nupgrade:  WebSocket\r\nX: y\r\n\r\n");
        var frames = following("ofUpgrade");
        // The status line's line feed was seen; what follows are the fields.
        var head = Arrays.copyOfRange(fields, 2, fields.length);

        assertThat(places(frames, head, hex("8103", 3), hex("017e0100", 256), hex("807f0000000000010000", 65536)))
                .containsExactly(
                        head.length, head.length + 5, head.length + 5 + 260, head.length + 5 + 260 + 10 + 65536);
        assertThat((byte[]) FAREWELL.invoke(frames)).isEqualTo(HexFormat.of().parseHex("880203e9"));
    }

    @Test
    void shouldAddNothingToACloseOfTheServersOwn() throws Throwable {
        var head = text("Upgrade: websocket\r\n\r\n");

        assertThat(places(following("ofUpgrade"), head, hex("8802", 2), hex("8101", 1)))
                .containsExactly(head.length);
    }

    @Test
    void shouldClaimNothingOfAnotherProtocol() throws Throwable {
        assertThat(places(following("ofUpgrade"), text("Upgrade: websocket2\r\n\r\n"), hex("8101", 1)))
                .isEmpty();
        assertThat(places(following("ofUpgrade"), text("Upgrade: h2c\r\n\r\n"), http2(SETTINGS, 0, 0)))
                .isEmpty();
    }

    @Test
    void shouldClaimNothingOfAServerThatMasks() throws Throwable {
        var head = text("Upgrade: websocket\r\n\r\n");

        assertThat(places(following("ofUpgrade"), head, hex("818100000000", 1))).containsExactly(head.length);
    }
}

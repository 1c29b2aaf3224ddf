package dev.baton.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayDeque;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Random;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Where a connection stands between two messages is known at each byte, and what is not understood is given up. What is
 * tested is the class in the agent's jar, where it waits to become part of java.base.
 */
class FramingIT {
    private static final String NAME = "sun.nio.ch.BatonFraming";
    private static final Class<?> TYPE = load(NAME);
    private static final MethodHandle TAKE = method("take", void.class, int.class);
    private static final MethodHandle SKIP = method("skip", void.class, long.class);
    private static final MethodHandle SKIPPABLE = method("skippable", long.class);
    private static final MethodHandle REASON = method("reason", int.class);
    private static final MethodHandle COUNT = method("count", long.class);
    private static final int UNASKED = 9;

    /** A class in the agent's jar that waits there to become part of java.base, with those it needs. */
    static Class<?> load(String name) {
        try {
            return new ClassLoader() {
                @Override
                protected Class<?> findClass(String name) throws ClassNotFoundException {
                    var entry = "META-INF/baton/" + name.replace('.', '/') + ".class";
                    try (var jar = new JarFile(Objects.requireNonNull(System.getProperty("baton.agent")));
                            var in = jar.getInputStream(jar.getEntry(entry))) {
                        var bytes = in.readAllBytes();
                        return defineClass(name, bytes, 0, bytes.length);
                    } catch (IOException e) {
                        throw new ClassNotFoundException(name, e);
                    }
                }
            }.loadClass(name);
        } catch (ClassNotFoundException e) {
            throw new LinkageError(name, e);
        }
    }

    private static MethodHandle method(String name, Class<?> result, Class<?>... arguments) {
        try {
            return MethodHandles.publicLookup().findVirtual(TYPE, name, MethodType.methodType(result, arguments));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(name, e);
        }
    }

    /** The two directions of a connection. */
    private static final class Followed {
        private final Object requests = create(null);
        private final Object responses = create(requests);

        private static Object create(@Nullable Object requests) {
            try {
                return TYPE.getConstructor(TYPE).newInstance(requests);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(NAME, e);
            }
        }

        Followed request(String text) throws Throwable {
            return take(requests, text.getBytes(ISO_8859_1), 0, text.length());
        }

        Followed response(String text) throws Throwable {
            return take(responses, text.getBytes(ISO_8859_1), 0, text.length());
        }

        Followed take(Object direction, byte[] bytes, int from, int to) throws Throwable {
            for (int i = from; i < to; ) {
                var skippable = (long) SKIPPABLE.invoke(direction);
                if (skippable > 0) {
                    var skipped = Math.min(skippable, to - i);
                    SKIP.invoke(direction, skipped);
                    i += (int) skipped;
                } else {
                    TAKE.invoke(direction, (int) bytes[i++]);
                }
            }
            return this;
        }

        boolean isBetweenMessages() throws ReflectiveOperationException {
            return (boolean) TYPE.getMethod("isBetweenMessages", TYPE, TYPE).invoke(null, requests, responses);
        }

        int requestReason() throws Throwable {
            return (int) REASON.invoke(requests);
        }

        int responseReason() throws Throwable {
            return (int) REASON.invoke(responses);
        }

        long answered() throws Throwable {
            return (long) COUNT.invoke(responses);
        }
    }

    /** {@code ~} is the end of a line, {@code #16} the byte 0x16. */
    private static String decoded(String text) {
        return Pattern.compile("#(..)")
                .matcher(text.strip().replace("~", "\r\n"))
                .replaceAll(hex -> Character.toString(HexFormat.fromHexDigits(hex.group(1))));
    }

    private static final String GET = "GET /path?a=b HTTP/1.1\r\nHost: here\r\n\r\n";
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nConnection: keep-alive, Upgrade\r\n\r\n",
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\ncontent-LENGTH: \t 12 \r\n\r\nGET / HTTP/1",
                "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n4;x=\"y\"\r\nabcd\r\n00A\r\n0123456789\r\n0\r\n\r\n",
                "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nConnection: close\r\n\r\n",
                "OPTIONS * HTTP/1.1\r\nContent-Length: 0\r\nAuthorization: Bearer x\r\n\r\n",
            })
    void shouldFindTheEndOfARequestAtItsLastByteAndNowhereBefore(String request) throws Throwable {
        for (int split = 1; split < request.length(); split++) {
            var followed = new Followed().request(GET).response(OK).request(request.substring(0, split));
            assertThat(followed.isBetweenMessages()).as("after %d", split).isFalse();

            followed.request(request.substring(split));
            assertThat(followed.isBetweenMessages()).as("not answered").isFalse();
            followed.response(OK);
            assertThat(followed.isBetweenMessages()).as("answered").isTrue();
            assertThat(followed.answered()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET  | HTTP/1.1 200 OK~Content-Length: 5~~hello",
                "GET  | HTTP/1.1 200~Content-Length: 0~~",
                "GET  | HTTP/1.1 204 No Content~Date: today~~",
                "GET  | HTTP/1.1 304 Not Modified~Content-Length: 1000~~",
                "HEAD | HTTP/1.1 200 OK~Content-Length: 1000~~",
                "HEAD | HTTP/1.1 200 OK~Transfer-Encoding: chunked~~",
                "GET  | HTTP/1.1 100 Continue~~HTTP/1.1 200 OK~Content-Length: 1~~x",
                "GET  | HTTP/1.1 103 Early Hints~Link: </a>~~HTTP/1.1 404 Not Found~Content-Length: 1~~x",
                "GET  | HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~0~~",
                "GET  | HTTP/1.1 500 Oh, no!~Content-Type: text/html~Transfer-Encoding: chunked~~1~x~0~X-Sum: 1~~",
            })
    void shouldFindTheEndOfAResponseAtItsLastByteAndNowhereBefore(String method, String encoded) throws Throwable {
        var response = decoded(encoded);
        var request = method.strip() + " / HTTP/1.1\r\n\r\n";
        for (int split = 0; split < response.length(); split++) {
            var followed = new Followed().request(request).response(response.substring(0, split));
            assertThat(followed.isBetweenMessages()).as("after %d", split).isFalse();

            followed.response(response.substring(split));
            assertThat(followed.isBetweenMessages()).isTrue();
            followed.request(GET).response(OK);
            assertThat(followed.isBetweenMessages()).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "TLS                   | 1 | #16#03#01#02",
                "HTTP/2                | 2 | PRI * HTTP/2.0~~SM~~",
                "HTTP/1.0              | 3 | GET / HTTP/1.0~~",
                "PROXY protocol        | 4 | PROXY TCP4 192.0.2.1 192.0.2.2 1 2~",
                "HTTP/0.9              | 4 | GET /~",
                "a blank line          | 4 | ~GET / HTTP/1.1~~",
                "a bare line feed      | 4 | GET / HTTP/1.1#0A#0A",
                "a folded line         | 4 | GET / HTTP/1.1~A: b~ c~~",
                "a blank before colon  | 4 | GET / HTTP/1.1~Content-Length : 4~~",
                "two lengths           | 4 | POST / HTTP/1.1~Content-Length: 4~Content-Length: 4~~",
                "a list of lengths     | 4 | POST / HTTP/1.1~Content-Length: 4, 4~~",
                "a signed length       | 4 | POST / HTTP/1.1~Content-Length: +4~~",
                "no length             | 4 | POST / HTTP/1.1~Content-Length:~~",
                "a length too long     | 4 | POST / HTTP/1.1~Content-Length: 9999999999999999999~~",
                "length and chunks     | 4 | POST / HTTP/1.1~Content-Length: 4~Transfer-Encoding: chunked~~",
                "another coding        | 4 | POST / HTTP/1.1~Transfer-Encoding: gzip, chunked~~",
                "chunked twice         | 4 | POST / HTTP/1.1~Transfer-Encoding: chunked~Transfer-Encoding: chunked~~",
                "no chunk size         | 4 | POST / HTTP/1.1~Transfer-Encoding: chunked~~~",
                "a chunk too long      | 4 | POST / HTTP/1.1~Transfer-Encoding: chunked~~1~ab~",
                "a tunnel              | 5 | CONNECT here:443 HTTP/1.1~~",
                "a client that leaves  | 6 | GET / HTTP/1.1~Connection: TE, Close~~",
                "NTLM                  | 8 | GET / HTTP/1.1~Authorization: NTLM TlRMTVNTUAABAAAA~~",
                "Negotiate to a proxy  | 8 | GET / HTTP/1.1~Proxy-Authorization: negotiate YII=~~",
            })
    void shouldGiveUpWhatItDoesNotUnderstandInARequest(String what, int reason, String encoded) throws Throwable {
        var followed = new Followed().request(decoded(encoded));

        assertThat(followed.requestReason()).as(what).isEqualTo(reason);
        assertThat(followed.request(GET).response(OK).isBetweenMessages())
                .as(what)
                .isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "WebSocket             | 5 | HTTP/1.1 101 Switching Protocols~Upgrade: websocket~~",
                "HTTP/1.0              | 3 | HTTP/1.0 200 OK~Content-Length: 0~~",
                "a server that leaves  | 6 | HTTP/1.1 200 OK~Content-Length: 0~Connection: close~~",
                "until the close       | 7 | HTTP/1.1 200 OK~~",
                "server-sent events    | 7 | HTTP/1.1 200 OK~Content-Type: text/event-stream~Transfer-Encoding: chunked~~",
                "Negotiate             | 8 | HTTP/1.1 401 Who?~WWW-Authenticate: Basic, Negotiate~Content-Length: 0~~",
                "no status             | 4 | HTTP/1.1 2x0 OK~Content-Length: 0~~",
                "garbage               | 4 | hello",
            })
    void shouldGiveUpWhatItDoesNotUnderstandInAResponse(String what, int reason, String encoded) throws Throwable {
        var followed = new Followed().request(GET).response(decoded(encoded));

        assertThat(followed.responseReason()).as(what).isEqualTo(reason);
        assertThat(followed.request(GET).response(OK).isBetweenMessages())
                .as(what)
                .isFalse();
    }

    @Test
    void shouldGiveUpAResponseNobodyAskedFor() throws Throwable {
        var followed = new Followed().request(GET).response(OK).response("H");

        assertThat(followed.responseReason()).isEqualTo(UNASKED);
    }

    @Test
    void shouldNotStandBetweenMessagesWhilePipelinedRequestsWait() throws Throwable {
        var followed = new Followed().request(GET + GET + "GET / HT").response(OK + OK);
        assertThat(followed.isBetweenMessages()).isFalse();

        followed.request("TP/1.1\r\n\r\n");
        assertThat(followed.isBetweenMessages()).isFalse();
        assertThat(followed.response(OK).isBetweenMessages()).isTrue();
    }

    @Test
    void shouldGiveUpWhereMoreRequestsWaitThanItCounts() throws Throwable {
        var followed = new Followed().request(GET.repeat(100));

        assertThat(followed.requestReason()).isEqualTo(10);
    }

    @Test
    void shouldNotWaitForABodyThatIsNotSentAfterAnEarlyAnswer() throws Throwable {
        var followed = new Followed()
                .request("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
                .response("HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n");
        assertThat(followed.isBetweenMessages()).isFalse();

        assertThat(followed.request("012345678").isBetweenMessages()).isTrue();
    }

    @Test
    void shouldKnowWhereItStandsInRandomTrafficInRandomPieces() throws Throwable {
        var seed = new Random().nextLong();
        System.err.println("seed " + seed);
        for (int round = 0; round < 300; round++) {
            followRandomTraffic(new Random(seed + round));
        }
    }

    /** Requests come before their answers, in pieces that know nothing of messages. */
    private static void followRandomTraffic(Random random) throws Throwable {
        var followed = new Followed();
        var asked = new StringBuilder();
        var answered = new StringBuilder();
        var requestEnds = new ArrayDeque<Integer>();
        var responseEnds = new ArrayDeque<Integer>();
        int exchanges = 1 + random.nextInt(20);
        for (int i = 0; i < exchanges; i++) {
            var isHead = random.nextInt(5) == 0;
            asked.append(isHead ? "HEAD /x HTTP/1.1\r\n\r\n" : randomRequest(random));
            requestEnds.add(asked.length());
            answered.append(randomResponse(random, isHead));
            responseEnds.add(answered.length());
        }
        int in = 0;
        int out = 0;
        while (in < asked.length() || out < answered.length()) {
            if (random.nextBoolean()) {
                int to = Math.min(asked.length(), in + 1 + random.nextInt(60));
                followed.request(asked.substring(in, to));
                in = to;
            }
            int whole = ended(requestEnds, in);
            int most = whole == 0 ? 0 : nth(responseEnds, whole);
            int to = Math.min(most, out + random.nextInt(60));
            followed.response(answered.substring(out, to));
            out = to;

            var isBetween = ended(requestEnds, in) == ended(responseEnds, out)
                    && isEnd(requestEnds, in)
                    && isEnd(responseEnds, out);
            assertThat(followed.isBetweenMessages())
                    .as("read %d, written %d of %s", in, out, asked)
                    .isEqualTo(isBetween);
        }
        assertThat(followed.isBetweenMessages()).isTrue();
    }

    private static boolean isEnd(ArrayDeque<Integer> ends, int at) {
        return at == 0 || ends.contains(at);
    }

    private static int ended(ArrayDeque<Integer> ends, int at) {
        return (int) ends.stream().filter(end -> end <= at).count();
    }

    private static int nth(ArrayDeque<Integer> ends, int n) {
        return ends.stream().skip(n - 1).findFirst().orElseThrow();
    }

    private static String randomRequest(Random random) {
        return switch (random.nextInt(3)) {
            case 0 -> "GET / HTTP/1.1\r\nHost: a\r\n" + randomField(random) + "\r\n";
            case 1 -> "POST / HTTP/1.1\r\n" + randomField(random) + withLength(random);
            default -> "POST / HTTP/1.1\r\n" + randomField(random) + inChunks(random);
        };
    }

    private static String randomResponse(Random random, boolean isHead) {
        var interim = random.nextInt(4) == 0 ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
        if (isHead) {
            return interim + "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n";
        }
        return interim
                + switch (random.nextInt(3)) {
                    case 0 -> "HTTP/1.1 204 No Content\r\n" + randomField(random) + "\r\n";
                    case 1 -> "HTTP/1.1 200 OK\r\n" + randomField(random) + withLength(random);
                    default -> "HTTP/1.1 200 OK\r\n" + randomField(random) + inChunks(random);
                };
    }

    private static String randomField(Random random) {
        return random.nextBoolean()
                ? ""
                : "X-" + "y".repeat(random.nextInt(40)) + ": " + "z".repeat(random.nextInt(200)) + "\r\n";
    }

    private static String withLength(Random random) {
        int length = random.nextInt(100);
        return "Content-Length: " + length + "\r\n\r\n" + body(random, length);
    }

    private static String inChunks(Random random) {
        var chunks = new StringBuilder("Transfer-Encoding: chunked\r\n\r\n");
        for (int i = random.nextInt(4); i > 0; i--) {
            int length = 1 + random.nextInt(50);
            chunks.append(Integer.toHexString(length))
                    .append("\r\n")
                    .append(body(random, length))
                    .append("\r\n");
        }
        return chunks.append("0\r\n\r\n").toString();
    }

    /** Looks like anything, ends of messages too. */
    private static String body(Random random, int length) {
        return random.ints(length, 0, 6)
                .mapToObj(i -> "\r\n0H 5".substring(i, i + 1))
                .reduce("", String::concat);
    }

    @Test
    void shouldNeverTakeGarbageForAnEnd() throws Throwable {
        var seed = new Random().nextLong();
        System.err.println("seed " + seed);
        var random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            var followed = new Followed();
            var bytes = new byte[1 + random.nextInt(200)];
            random.nextBytes(bytes);
            followed.take(followed.requests, bytes, 0, bytes.length);

            assertThat(followed.isBetweenMessages()).isFalse();
        }
    }
}

package dev.baton.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import sun.nio.ch.BatonTraffic;

/** What the agent adds to one read of a request and one write of its response: the gate, and following HTTP. */
@State(Scope.Thread)
public class FramingBenchmark {
    private static final int NUMBER = 10;
    private static final String REQUEST = """
            GET /path/to/something?with=a&query HTTP/1.1
            Host: www.example.org
            User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0
            Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
            Accept-Language: en-US,en;q=0.5
            Accept-Encoding: gzip, deflate, br
            Connection: keep-alive
            Cookie: session=0123456789abcdef0123456789abcdef

            """.replace("\n", "\r\n");
    private static final String RESPONSE = """
            HTTP/1.1 200 OK
            Date: Thu, 26 Nov 2026 12:00:00 GMT
            Content-Type: text/html; charset=utf-8
            Content-Length: 4096

            """.replace("\n", "\r\n") + "x".repeat(4096);

    private final MemorySegment request = memory(REQUEST);
    private final MemorySegment response = memory(RESPONSE);

    /** A connection. */
    public FramingBenchmark() {
        BatonTraffic.accepted(NUMBER, 0, null);
    }

    private static MemorySegment memory(String text) {
        return Arena.global().allocateFrom(ValueLayout.JAVA_BYTE, text.getBytes(ISO_8859_1));
    }

    @Benchmark
    public boolean requestAndResponse() {
        var conversation = BatonTraffic.at(NUMBER);
        conversation.enter();
        conversation.received(request.address(), (int) request.byteSize());
        conversation.exit();
        conversation.enter();
        conversation.sent(response.address(), (int) response.byteSize());
        conversation.exit();
        return BatonTraffic.isMovable(NUMBER);
    }

    @Benchmark
    public void gateAlone() {
        var conversation = BatonTraffic.at(NUMBER);
        conversation.enter();
        conversation.exit();
    }
}

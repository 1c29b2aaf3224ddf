package dev.baton.examples.servers;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.baton.load.ScriptedClient;
import java.io.IOException;

/** One connection of HTTP/2 (RFC 9113) on which one stream follows another. It never asks twice. */
final class Http2Client {
    private static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /** GET, https, / of the static table (RFC 7541, A), and :authority with a value that has the length of the second byte. */
    private static final String REQUEST = "\u0082\u0087\u0084A\tlocalhost";

    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;
    private static final int ACK = 1;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;
    private static final int HEADER = 9;

    private final ScriptedClient client;
    private int stream = -1;

    Http2Client(ScriptedClient client) throws IOException {
        this.client = client;
        client.send(PREFACE + frame(SETTINGS, 0, 0, ""));
    }

    /**
     * Asks, and reads the answer.
     *
     * @return whether the server has announced the close by its end
     */
    boolean ask() throws IOException {
        stream += 2;
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST));
        var isTold = false;
        while (true) {
            var header = client.expectBytes(HEADER);
            var payload = client.expectBytes(header.charAt(0) << 16 | header.charAt(1) << 8 | header.charAt(2));
            var type = header.charAt(3);
            var flags = header.charAt(4);
            switch (type) {
                case SETTINGS, PING -> {
                    if ((flags & ACK) == 0) {
                        client.send(frame(type, ACK, 0, type == PING ? payload : ""));
                    }
                }
                case GOAWAY -> isTold = true;
                case RST_STREAM -> throw new IOException("the server has reset stream " + stream);
                case HEADERS, DATA -> {
                    if ((flags & END_STREAM) != 0) {
                        return isTold;
                    }
                }
                default -> {
                    // WINDOW_UPDATE and whatever there may be
                }
            }
        }
    }

    private static String frame(int type, int flags, int stream, String payload) {
        var header = new byte[] {0, 0, (byte) payload.length(), (byte) type, (byte) flags, 0, 0, 0, (byte) stream};
        return new String(header, ISO_8859_1) + payload;
    }
}

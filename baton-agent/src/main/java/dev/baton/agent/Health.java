package dev.baton.agent;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * A request that tells whether the application can serve, sent to one of its listeners over the loopback interface. It
 * reaches a fenced listener too, and nobody else's.
 *
 * @param port of the listener; 0 for the first
 * @param path what to ask for
 */
record Health(int port, String path) {
    private static final int LIMIT_MS = 2000;
    private static final int MOST_BYTES = 15;

    /**
     * Reads {@code /path} or {@code 8081/path}.
     *
     * @throws IllegalArgumentException if it is neither
     */
    static Health parse(String text) {
        int slash = text.indexOf('/');
        try {
            if (slash >= 0 && text.chars().noneMatch(c -> c <= ' ')) {
                return new Health(slash == 0 ? 0 : Integer.parseInt(text.substring(0, slash)), text.substring(slash));
            }
        } catch (NumberFormatException e) {
            // as below
        }
        throw new IllegalArgumentException("ready-http=" + text + " is neither /PATH nor PORT/PATH");
    }

    /** {@return what speaks against readiness, in words for an operator; empty when the answer is 2xx or 3xx} */
    String ask(InetSocketAddress address) {
        try (var socket = new Socket()) {
            socket.connect(address, LIMIT_MS);
            socket.setSoTimeout(LIMIT_MS);
            var request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            var answer = new String(socket.getInputStream().readNBytes(MOST_BYTES), StandardCharsets.US_ASCII);
            if (answer.matches("(?s)HTTP/1\\.[01] [23].*")) {
                return "";
            }
            return path + " is answered with "
                    + (answer.startsWith("HTTP/") ? answer.substring(9).strip() : "no HTTP");
        } catch (IOException e) {
            return path + " is not answered: " + e.getMessage();
        }
    }
}

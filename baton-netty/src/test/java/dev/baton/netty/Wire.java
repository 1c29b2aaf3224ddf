package dev.baton.netty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.Map;
import java.util.TreeMap;

/** A client that says exactly what the test wants, and reads exactly what comes. */
final class Wire implements Closeable {
    record Answer(int status, Map<String, String> headers, String body) {
        String header(String name) {
            return headers.getOrDefault(name, "");
        }
    }

    final Socket socket;
    final InputStream in;
    final OutputStream out;

    Wire(int port) throws IOException {
        this(new Socket(InetAddress.getLoopbackAddress(), port));
    }

    Wire(Socket socket) throws IOException {
        this.socket = socket;
        socket.setSoTimeout(20_000);
        in = socket.getInputStream();
        out = socket.getOutputStream();
    }

    Wire send(String text) throws IOException {
        out.write(text.getBytes(ISO_8859_1));
        out.flush();
        return this;
    }

    Wire get(String path) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    }

    Answer receive() throws IOException {
        return receive(true);
    }

    Answer receive(boolean withBody) throws IOException {
        var head = head();
        var length = head.header("content-length");
        var body = "";
        if (withBody && head.header("transfer-encoding").equals("chunked")) {
            body = chunks();
        } else if (withBody && !length.isEmpty()) {
            body = bytes(Integer.parseInt(length));
        }
        return new Answer(head.status, head.headers, body);
    }

    Answer head() throws IOException {
        var status = line();
        var headers = new TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER);
        for (var line = line(); !line.isEmpty(); line = line()) {
            var colon = line.indexOf(':');
            headers.put(line.substring(0, colon), line.substring(colon + 1).strip());
        }
        return new Answer(Integer.parseInt(status.substring(9, 12)), headers, "");
    }

    private String chunks() throws IOException {
        var body = new StringBuilder();
        while (true) {
            var size = Integer.parseInt(line(), 16);
            body.append(bytes(size));
            line();
            if (size == 0) {
                return body.toString();
            }
        }
    }

    String bytes(int count) throws IOException {
        var bytes = in.readNBytes(count);
        if (bytes.length < count) {
            throw new EOFException("the server closed after %d of %d bytes".formatted(bytes.length, count));
        }
        return new String(bytes, ISO_8859_1);
    }

    String line() throws IOException {
        var line = new ByteArrayOutputStream();
        for (var b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0) {
                throw new EOFException("the server closed after: " + line);
            }
            line.write(b);
        }
        return line.toString(ISO_8859_1).strip();
    }

    /** Waits for the orderly end. */
    boolean isEnded() throws IOException {
        return in.read() < 0;
    }

    /** Waits for whatever end. */
    boolean isCut() throws IOException {
        try {
            in.transferTo(OutputStream.nullOutputStream());
            return true;
        } catch (SocketException e) {
            return true;
        }
    }

    void hangUp() throws IOException {
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}

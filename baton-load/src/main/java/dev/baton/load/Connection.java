package dev.baton.load;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One connection and its reader of HTTP/1.1. It is used by one virtual thread; {@link #expire} alone is called by another.
 *
 * <p>Every wait, be it connecting, writing or reading, ends by the same means: between {@link #begin} and {@link #end} the
 * connection has a deadline, and whoever watches it closes the socket when that has passed, which ends the wait.
 */
final class Connection implements AutoCloseable {
    private static final int BUFFER = 4096;
    private static final long NEVER = Long.MAX_VALUE;
    private static final long EXPIRED = Long.MIN_VALUE;

    /** What came on a connection that no answer was due on. */
    enum Silence {
        KEPT,
        ENDED,
        BROKEN
    }

    private final Clock clock;
    private final SocketChannel channel;
    private final AtomicLong deadline = new AtomicLong(NEVER);
    private final byte[] bytes = new byte[BUFFER];
    private final ByteBuffer buffer = ByteBuffer.wrap(bytes);
    private int position;
    private int limit;
    private int lineStart;
    private int lineEnd;

    private int localPort;
    private long answers;
    private boolean answerBegun;
    private boolean requestBegun;

    private int status;
    private long contentLength;
    private boolean chunked;
    private boolean close;
    private long sequence;
    private long generation;
    private long pid;

    Connection(Clock clock) throws Lost {
        this.clock = clock;
        try {
            this.channel = SocketChannel.open();
        } catch (IOException e) {
            throw new Lost(Outcome.CONNECT_FAILED, "the driver got no socket: " + e.getMessage());
        }
    }

    int localPort() {
        return localPort;
    }

    /** Whether the latest answer announced that no other will follow. */
    boolean isNoticed() {
        return close;
    }

    long answers() {
        return answers;
    }

    long generation() {
        return generation;
    }

    long pid() {
        return pid;
    }

    /** The sequence number that the latest answer echoed; -1 when it echoed none. */
    long sequence() {
        return sequence;
    }

    void begin(long until) {
        requestBegun = false;
        answerBegun = position < limit;
        deadline.compareAndSet(NEVER, until);
    }

    /** Whether the exchange ended in time; if not, the connection is closed. */
    boolean end() {
        return deadline.getAndUpdate(until -> until == EXPIRED ? EXPIRED : NEVER) != EXPIRED;
    }

    /** Closes the connection if its deadline has passed. */
    void expire(long now) {
        long until = deadline.get();
        if (now > until && until != EXPIRED && deadline.compareAndSet(until, EXPIRED)) {
            close();
        }
    }

    void connect(SocketAddress address, int receiveBuffer) throws Lost {
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            if (receiveBuffer > 0) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, receiveBuffer);
            }
            channel.connect(address);
            localPort = ((InetSocketAddress) channel.getLocalAddress()).getPort();
        } catch (IOException e) {
            throw new Lost(notConnected(e), words(e));
        }
    }

    private Outcome notConnected(IOException e) {
        if (isExpired()) {
            return Outcome.CONNECT_TIMEOUT;
        }
        // The JDK maps ECONNREFUSED and ETIMEDOUT, and no other error of connect(2), to this one (Net.c,
        // handleSocketError).
        if (e instanceof ConnectException) {
            return words(e).contains("timed out") ? Outcome.CONNECT_TIMEOUT : Outcome.REFUSED;
        }
        return Outcome.CONNECT_FAILED;
    }

    /**
     * Writes.
     *
     * @return false if the server takes no more of a request that was begun; its answer, or the way it ends, tells why
     */
    boolean write(ByteBuffer out) throws Lost {
        try {
            while (out.hasRemaining()) {
                requestBegun |= channel.write(out) > 0;
            }
            return true;
        } catch (IOException e) {
            if (isExpired() || !requestBegun) {
                throw broken(e);
            }
            return false;
        }
    }

    /** Reads one answer; what it carried can be asked for until the next one is read. */
    void readAnswer(int expectedStatus, Content content, long pace) throws Lost {
        do {
            readHead();
        } while (status < 200 && status != 101);
        boolean expected = status == expectedStatus;
        if (status != 101 && status != 204 && status != 304) {
            readBody(expected ? content : new Content.Any(), pace);
        }
        answers++;
        answerBegun = position < limit;
        if (!expected) {
            throw new Lost(Outcome.WRONG_STATUS, status + " instead of " + expectedStatus + from());
        }
    }

    /** Reads one line of an upgraded connection. */
    void readLine(byte[] expected) throws Lost {
        line();
        answers++;
        answerBegun = position < limit;
        int length = expected.length - 1;
        if (lineEnd - lineStart != length || !new Content.Text(expected).allows(bytes, lineStart, lineEnd, 0)) {
            throw new Lost(Outcome.WRONG_CONTENT, "a line that was not sent: " + quoted(lineStart, lineEnd));
        }
    }

    private void readHead() throws Lost {
        line();
        if (lineEnd - lineStart < 12 || !starts("http/1.") || digits(lineStart + 9, lineStart + 12) < 0) {
            throw new Lost(Outcome.WRONG_CONTENT, "not HTTP/1.x: " + quoted(lineStart, lineEnd));
        }
        status = (int) digits(lineStart + 9, lineStart + 12);
        contentLength = -1;
        chunked = false;
        close = bytes[lineStart + 7] == '0';
        sequence = -1;
        generation = -1;
        pid = -1;
        for (line(); lineEnd > lineStart; line()) {
            readHeader();
        }
    }

    private void readHeader() throws Lost {
        switch (bytes[lineStart] | 0x20) {
            case 'c' -> {
                if (starts("content-length:")) {
                    contentLength = number(15);
                } else if (starts("connection:")) {
                    close |= contains("close");
                }
            }
            case 't' -> chunked |= starts("transfer-encoding:") && contains("chunked");
            case 'x' -> {
                if (starts("x-seq:")) {
                    sequence = number(6);
                } else if (starts("x-generation:")) {
                    generation = number(13);
                } else if (starts("x-pid:")) {
                    pid = number(6);
                }
            }
            default -> {}
        }
    }

    private void readBody(Content content, long pace) throws Lost {
        long index = 0;
        if (chunked) {
            for (long size = chunkSize(); size > 0; size = chunkSize()) {
                index = readBytes(content, index, index + size, pace);
                line();
            }
            for (line(); lineEnd > lineStart; line()) {
                // Trailers say nothing that is of interest here.
            }
        } else if (contentLength >= 0) {
            index = readBytes(content, 0, contentLength, pace);
        } else {
            close = true;
            index = readToEnd(content);
        }
        if (!content.isWhole(index)) {
            throw new Lost(
                    contentLength < 0 && !chunked ? Outcome.TRUNCATED : Outcome.WRONG_CONTENT,
                    index + " instead of " + content.size() + " bytes of a body" + from());
        }
    }

    private long readBytes(Content content, long index, long end, long pace) throws Lost {
        long begun = clock.now();
        long at = index;
        while (at < end) {
            if (position == limit && !fill()) {
                throw new Lost(Outcome.TRUNCATED, at + " of " + end + " bytes of a body" + from());
            }
            int take = (int) Math.min(limit - position, end - at);
            check(content, take, at);
            at += take;
            if (pace > 0 && at < end) {
                clock.await(begun + (long) (pace * ((double) at / end)));
            }
        }
        return at;
    }

    private long readToEnd(Content content) throws Lost {
        long at = 0;
        while (position < limit || fill()) {
            int take = limit - position;
            check(content, take, at);
            at += take;
        }
        return at;
    }

    private void check(Content content, int length, long index) throws Lost {
        if (!content.allows(bytes, position, position + length, index)) {
            throw new Lost(
                    Outcome.WRONG_CONTENT,
                    "other bytes than expected after " + index + " of a body: "
                            + quoted(position, position + length)
                            + from());
        }
        position += length;
    }

    private long chunkSize() throws Lost {
        line();
        long size = 0;
        int at = lineStart;
        for (int digit; at < lineEnd && (digit = Character.digit(bytes[at], 16)) >= 0; at++) {
            size = size * 16 + digit;
        }
        if (at == lineStart || at - lineStart > 8) {
            throw new Lost(Outcome.WRONG_CONTENT, "not the size of a chunk: " + quoted(lineStart, lineEnd));
        }
        return size;
    }

    /** Lets the next line, without its end, stand between {@code lineStart} and {@code lineEnd}. */
    private void line() throws Lost {
        for (int scan = position; ; scan++) {
            while (scan == limit) {
                if (position > 0) {
                    System.arraycopy(bytes, position, bytes, 0, limit - position);
                    scan -= position;
                    limit -= position;
                    position = 0;
                }
                if (limit == BUFFER) {
                    throw new Lost(Outcome.WRONG_CONTENT, "a line without end: " + quoted(0, limit));
                }
                if (!fill()) {
                    throw ended();
                }
            }
            if (bytes[scan] == '\n') {
                lineStart = position;
                lineEnd = scan > position && bytes[scan - 1] == '\r' ? scan - 1 : scan;
                position = scan + 1;
                return;
            }
        }
    }

    /** Reads more behind what is unread; false at the end of the stream. */
    private boolean fill() throws Lost {
        if (position == limit) {
            position = 0;
            limit = 0;
        }
        try {
            buffer.limit(BUFFER).position(limit);
            int count = channel.read(buffer);
            limit += Math.max(count, 0);
            answerBegun |= count > 0;
            return count >= 0;
        } catch (IOException e) {
            throw broken(e);
        }
    }

    /** Looks, without waiting, at a connection on which nothing is due. */
    Silence silence() throws Lost {
        try {
            if (position == limit) {
                channel.configureBlocking(false);
                if (!fill()) {
                    return Silence.ENDED;
                }
                channel.configureBlocking(true);
            }
        } catch (IOException | Lost e) {
            return Silence.BROKEN;
        }
        if (position < limit) {
            throw new Lost(Outcome.WRONG_CONTENT, "bytes nobody asked for: " + quoted(position, limit) + from());
        }
        return Silence.KEPT;
    }

    /** Reads on until the server closes. */
    void awaitEnd() throws Lost {
        while (fill()) {
            position = limit;
        }
    }

    private Lost broken(IOException e) {
        if (isExpired()) {
            return new Lost(Outcome.TIMEOUT, answerBegun ? "only a part of an answer" + from() : "nothing");
        }
        return new Lost(
                answerBegun
                        ? Outcome.RESET_MID_ANSWER
                        : answers > 0
                                ? Outcome.LOST_IN_CLOSE_RACE
                                : requestBegun ? Outcome.RESET_AFTER_SEND : Outcome.RESET_BEFORE_SEND,
                words(e) + from());
    }

    private Lost ended() {
        return new Lost(
                answerBegun
                        ? Outcome.TRUNCATED
                        : answers > 0 ? Outcome.LOST_IN_CLOSE_RACE : Outcome.CLOSED_BEFORE_ANSWER,
                "end of stream" + from());
    }

    private boolean isExpired() {
        return deadline.get() == EXPIRED;
    }

    private String from() {
        return pid > 0 || generation > 0 ? " (last heard: generation " + generation + ", pid " + pid + ")" : "";
    }

    private boolean starts(String lowerCase) {
        return lineEnd - lineStart >= lowerCase.length() && matches(lineStart, lowerCase);
    }

    private boolean contains(String lowerCase) {
        for (int at = lineStart; at <= lineEnd - lowerCase.length(); at++) {
            if (matches(at, lowerCase)) {
                return true;
            }
        }
        return false;
    }

    private boolean matches(int at, String lowerCase) {
        for (int i = 0; i < lowerCase.length(); i++) {
            if (Character.toLowerCase((char) bytes[at + i]) != lowerCase.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private long number(int offset) throws Lost {
        int from = lineStart + offset;
        int to = lineEnd;
        while (from < to && bytes[from] == ' ') {
            from++;
        }
        while (from < to && bytes[to - 1] == ' ') {
            to--;
        }
        long number = digits(from, to);
        if (number < 0) {
            throw new Lost(Outcome.WRONG_CONTENT, "not a number: " + quoted(lineStart, lineEnd));
        }
        return number;
    }

    private long digits(int from, int to) {
        long number = 0;
        for (int i = from; i < to; i++) {
            if (bytes[i] < '0' || bytes[i] > '9') {
                return -1;
            }
            number = number * 10 + (bytes[i] - '0');
        }
        return to > from && to - from < 19 ? number : -1;
    }

    private String quoted(int from, int to) {
        int length = Math.min(to - from, 60);
        var text = new String(bytes, from, length, StandardCharsets.ISO_8859_1);
        return "\"" + text.replaceAll("[^ -~]", ".") + (length < to - from ? "\"..." : "\"");
    }

    private static String words(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // Nothing that was sent or received depends on it.
        }
    }
}

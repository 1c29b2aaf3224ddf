package sun.nio.ch;

/**
 * Follows one direction of an HTTP/1.1 connection (RFC 9112) byte by byte, and knows at each whether it stands between two
 * messages. What it does not understand for certain it gives up for good: {@link #reason} then says why, and nothing is
 * claimed any more.
 *
 * <p>It is stricter than any server. Where two readers could see two things (bare line feeds, folded lines, two lengths)
 * this one sees nothing. Not safe for use by several threads at once; the two directions may run on two threads, as long as
 * a response is written after its request was read, which is so in any server.
 */
public final class BatonFraming implements BatonFollower {
    /** It is followed. */
    public static final int FOLLOWED = 0;

    /** What came first is the start of a TLS record. */
    public static final int TLS = 1;

    /** HTTP/2 with prior knowledge. */
    public static final int HTTP_2 = 2;

    /** HTTP/1.0, whose connections end in another way. */
    public static final int HTTP_1_0 = 3;

    /** Something else, or HTTP in a form that can be read in two ways. */
    public static final int NOT_UNDERSTOOD = 4;

    /** Another protocol goes on here: 101, or CONNECT. */
    public static final int UPGRADED = 5;

    /** One side has announced the close. */
    public static final int CLOSING = 6;

    /** A response that ends with the connection, or not at all (server-sent events). */
    public static final int ENDLESS = 7;

    /** Who asks was established for the connection, not for the request (NTLM, Negotiate). */
    public static final int AUTHENTICATED = 8;

    /** A response nobody asked for. */
    public static final int UNASKED = 9;

    /** More requests wait for their answers than are kept count of. */
    public static final int TOO_DEEP = 10;

    private static final int MOST_WAITING = 60;

    private static final int START = 0;
    private static final int START_LF = 1;
    private static final int NAME = 2;
    private static final int VALUE = 3;
    private static final int VALUE_LF = 4;
    private static final int HEAD_LF = 5;
    private static final int BODY = 6;
    private static final int CHUNK_SIZE = 7;
    private static final int CHUNK_EXTENSION = 8;
    private static final int CHUNK_LF = 9;
    private static final int CHUNK_DATA = 10;
    private static final int CHUNK_DATA_CR = 11;
    private static final int CHUNK_DATA_LF = 12;
    private static final int GIVEN_UP = 13;

    private static final int OTHER = 0;
    private static final int CONTENT_LENGTH = 1;
    private static final int TRANSFER_ENCODING = 2;
    private static final int CONNECTION = 3;
    private static final int AUTHORIZATION = 4;
    private static final int AUTHENTICATE = 5;
    private static final int CONTENT_TYPE = 6;
    private static final String[] NAMES = {
        "", "content-length", "transfer-encoding", "connection", "authorization", "www-authenticate", "content-type",
    };
    private static final String[] PROXY_NAMES = {"", "", "", "", "proxy-authorization", "proxy-authenticate", ""};
    private static final int MOST_NAME = 24;
    private static final int MOST_VALUE = 96;

    private static final String STATUS_START = "HTTP/1.1 ";
    private static final long VERSION_1_1 = 0x485454502F312E31L;
    private static final long VERSION_1_0 = 0x485454502F312E30L;
    private static final long VERSION_2_0 = 0x485454502F322E30L;
    private static final long HEAD = 0x48454144L;
    private static final long CONNECT = 0x434F4E4E454354L;

    // RFC 9110, 5.6.2: "!#$%&'*+-.^_`|~", digits and letters
    private static final long TOKEN_LOW = 0x03FF6CFA00000000L;
    private static final long TOKEN_HIGH = 0x57FFFFFFC7FFFFFEL;

    private final BatonFraming requests;
    private BatonFraming responses;
    private final byte[] name = new byte[MOST_NAME];
    private final byte[] value = new byte[MOST_VALUE];
    private int state = START;
    private int reason;
    private int length;
    private int spaces;
    private int sinceSpace;
    private long word;
    private long tail;
    private int status;
    private int nameLength;
    private int valueLength;
    private int kind;
    private long rest;
    private boolean hasLength;
    private boolean isChunked;
    private boolean isTrailer;
    private int digits;

    /** Of requests: how many heads came whole. Of responses: how many are finished. */
    private long count;

    /** Of requests: for the last 64, whether each was HEAD. */
    private long withoutBody;

    /**
     * Begins between two messages.
     *
     * @param requests the other direction when this one is of responses; null when it is of requests
     */
    public BatonFraming(BatonFraming requests) {
        this.requests = requests;
        if (requests != null) {
            requests.responses = this;
        }
    }

    /** {@return whether both directions stand between two messages, and every request has its response} */
    public static boolean isBetweenMessages(BatonFraming requests, BatonFraming responses) {
        return requests.isBetweenMessages()
                && responses.isBetweenMessages()
                && requests.count == responses.count;
    }

    /** {@return whether this direction stands between two messages} */
    public boolean isBetweenMessages() {
        return state == START && length == 0;
    }

    /** {@return why it is not followed any more, {@link #FOLLOWED} while it is} */
    public int reason() {
        return reason;
    }

    /** {@return how many requests came with their whole head, or how many responses are finished} */
    public long count() {
        return count;
    }

    @Override
    public long skippable() {
        return switch (state) {
            case BODY, CHUNK_DATA -> rest;
            case GIVEN_UP -> Long.MAX_VALUE;
            default -> 0;
        };
    }

    @Override
    public void skip(long bytes) {
        if (state == GIVEN_UP) {
            return;
        }
        rest -= bytes;
        if (rest == 0) {
            if (state == BODY) {
                end();
            } else {
                state = CHUNK_DATA_CR;
            }
        }
    }

    @Override
    public boolean isPassedOn() {
        return reason == UPGRADED;
    }

    @Override
    public void take(int next) {
        int b = next & 0xFF;
        switch (state) {
            case START -> start(b);
            case START_LF -> {
                if (b == '\n') {
                    startEnds();
                } else {
                    giveUp(NOT_UNDERSTOOD);
                }
            }
            case NAME -> name(b);
            case VALUE -> value(b);
            case VALUE_LF -> {
                if (b == '\n') {
                    state = NAME;
                    nameLength = 0;
                    field();
                } else {
                    giveUp(NOT_UNDERSTOOD);
                }
            }
            case HEAD_LF -> {
                if (b != '\n') {
                    giveUp(NOT_UNDERSTOOD);
                } else if (isTrailer) {
                    end();
                } else {
                    headEnds();
                }
            }
            case CHUNK_SIZE -> chunkSize(b);
            case CHUNK_EXTENSION -> {
                if (b == '\r') {
                    state = CHUNK_LF;
                } else if (b < ' ' && b != '\t') {
                    giveUp(NOT_UNDERSTOOD);
                }
            }
            case CHUNK_LF -> {
                if (b != '\n') {
                    giveUp(NOT_UNDERSTOOD);
                } else if (rest > 0) {
                    state = CHUNK_DATA;
                } else {
                    isTrailer = true;
                    nameLength = 0;
                    state = NAME;
                }
            }
            case CHUNK_DATA_CR -> expect(b, '\r', CHUNK_DATA_LF);
            case CHUNK_DATA_LF -> {
                digits = 0;
                expect(b, '\n', CHUNK_SIZE);
            }
            default -> {
                // given up, or skippable: not asked for
            }
        }
    }

    private void expect(int b, int expected, int then) {
        if (b == expected) {
            state = then;
        } else {
            giveUp(NOT_UNDERSTOOD);
        }
    }

    // ---- the first line

    private void start(int b) {
        if (length == 0) {
            begin();
            if (state == GIVEN_UP) {
                return;
            }
        }
        if (requests == null) {
            requestLine(b);
        } else {
            statusLine(b);
        }
    }

    private void begin() {
        spaces = 0;
        sinceSpace = 0;
        word = 0;
        tail = 0;
        status = 0;
        rest = 0;
        hasLength = false;
        isChunked = false;
        isTrailer = false;
        nameLength = 0;
        if (requests != null && requests.count <= count) {
            giveUp(requests.reason == FOLLOWED ? UNASKED : requests.reason);
        }
    }

    private void requestLine(int b) {
        if (b == '\r') {
            state = START_LF;
        } else if (b < ' ' || b == 0x7F) {
            giveUp(length == 0 && b == 0x16 ? TLS : NOT_UNDERSTOOD);
        } else {
            length++;
            tail = tail << 8 | b;
            if (b == ' ') {
                spaces++;
                sinceSpace = 0;
            } else {
                sinceSpace++;
                if (spaces == 0) {
                    word = word << 8 | b;
                    if (!isToken(b) || length > MOST_NAME) {
                        giveUp(NOT_UNDERSTOOD);
                    }
                }
            }
        }
    }

    private void statusLine(int b) {
        if (b == '\r' && length >= STATUS_START.length() + 3) {
            state = START_LF;
            return;
        }
        int at = length++;
        if (at < STATUS_START.length()) {
            if (b != STATUS_START.charAt(at)) {
                giveUp(at == 7 && b == '0' ? HTTP_1_0 : NOT_UNDERSTOOD);
            }
        } else if (at < STATUS_START.length() + 3) {
            if (b < '0' || b > '9') {
                giveUp(NOT_UNDERSTOOD);
            }
            status = status * 10 + b - '0';
        } else if ((at == STATUS_START.length() + 3 && b != ' ') || (b < ' ' && b != '\t')) {
            giveUp(NOT_UNDERSTOOD);
        }
    }

    private void startEnds() {
        length = 0;
        state = NAME;
        if (requests == null) {
            if (spaces != 2 || sinceSpace != 8 || word == 0) {
                giveUp(NOT_UNDERSTOOD);
            } else if (tail != VERSION_1_1) {
                giveUp(tail == VERSION_1_0 ? HTTP_1_0 : tail == VERSION_2_0 ? HTTP_2 : NOT_UNDERSTOOD);
            } else if (word == CONNECT) {
                giveUp(UPGRADED);
            }
        } else if (status < 100) {
            giveUp(NOT_UNDERSTOOD);
        } else if (status == 101) {
            giveUp(UPGRADED);
        }
    }

    // ---- the fields

    private void name(int b) {
        if (b == ':' && nameLength > 0) {
            kind = isTrailer ? OTHER : kind();
            valueLength = 0;
            state = VALUE;
        } else if (b == '\r' && nameLength == 0) {
            state = HEAD_LF;
        } else if (isToken(b)) {
            if (nameLength < MOST_NAME) {
                name[nameLength] = (byte) lower(b);
            }
            nameLength++;
        } else {
            giveUp(NOT_UNDERSTOOD);
        }
    }

    private int kind() {
        for (int i = 1; i < NAMES.length; i++) {
            if (isName(NAMES[i]) || isName(PROXY_NAMES[i])) {
                return i;
            }
        }
        return OTHER;
    }

    private boolean isName(String wanted) {
        if (wanted.length() != nameLength) {
            return false;
        }
        for (int i = 0; i < nameLength; i++) {
            if (name[i] != wanted.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private void value(int b) {
        if (b == '\r') {
            state = VALUE_LF;
        } else if ((b < ' ' && b != '\t') || b == 0x7F) {
            giveUp(NOT_UNDERSTOOD);
        } else if (kind != OTHER && (valueLength > 0 || (b != ' ' && b != '\t'))) {
            if (valueLength < MOST_VALUE) {
                value[valueLength] = (byte) lower(b);
            }
            valueLength++;
        }
    }

    private void field() {
        switch (kind) {
            case CONTENT_LENGTH -> contentLength();
            case TRANSFER_ENCODING -> {
                if (isChunked || !isValue("chunked")) {
                    giveUp(NOT_UNDERSTOOD);
                }
                isChunked = true;
            }
            case CONNECTION -> {
                if (has("close") || valueLength > MOST_VALUE) {
                    giveUp(CLOSING);
                }
            }
            case AUTHORIZATION -> {
                if (startsWith("ntlm") || startsWith("negotiate")) {
                    giveUp(AUTHENTICATED);
                }
            }
            case AUTHENTICATE -> {
                if (has("ntlm") || has("negotiate") || valueLength > MOST_VALUE) {
                    giveUp(AUTHENTICATED);
                }
            }
            case CONTENT_TYPE -> {
                if (requests != null && startsWith("text/event-stream")) {
                    giveUp(ENDLESS);
                }
            }
            default -> {
                // of no consequence
            }
        }
    }

    private void contentLength() {
        int end = valueEnd();
        if (hasLength || end == 0 || end > 18) {
            giveUp(NOT_UNDERSTOOD);
            return;
        }
        hasLength = true;
        rest = 0;
        for (int i = 0; i < end; i++) {
            if (value[i] < '0' || value[i] > '9') {
                giveUp(NOT_UNDERSTOOD);
                return;
            }
            rest = rest * 10 + value[i] - '0';
        }
    }

    private int valueEnd() {
        int end = Math.min(valueLength, MOST_VALUE);
        while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t')) {
            end--;
        }
        return end;
    }

    private boolean isValue(String wanted) {
        return valueEnd() == wanted.length() && startsWith(wanted);
    }

    private boolean startsWith(String wanted) {
        return hasAt(0, wanted);
    }

    private boolean has(String wanted) {
        for (int i = 0; i + wanted.length() <= Math.min(valueLength, MOST_VALUE); i++) {
            if (hasAt(i, wanted)) {
                return true;
            }
        }
        return false;
    }

    private boolean hasAt(int from, String wanted) {
        if (Math.min(valueLength, MOST_VALUE) - from < wanted.length()) {
            return false;
        }
        for (int i = 0; i < wanted.length(); i++) {
            if (value[from + i] != wanted.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    // ---- the body

    private void headEnds() {
        if (isChunked && hasLength) {
            giveUp(NOT_UNDERSTOOD);
        } else if (requests == null) {
            requestHeadEnds();
        } else if (status < 200) {
            state = START; // an interim response; the final one follows
        } else if (status == 204 || status == 304 || requests.isWithoutBody(count)) {
            end();
        } else if (isChunked || hasLength) {
            bodyBegins();
        } else {
            giveUp(ENDLESS);
        }
    }

    private void requestHeadEnds() {
        long bit = 1L << (count & 63);
        withoutBody = word == HEAD ? withoutBody | bit : withoutBody & ~bit;
        count++;
        if (responses != null && count - responses.count > MOST_WAITING) {
            giveUp(TOO_DEEP);
        } else {
            bodyBegins();
        }
    }

    private boolean isWithoutBody(long number) {
        return (withoutBody >>> (number & 63) & 1) != 0;
    }

    private void bodyBegins() {
        if (isChunked) {
            digits = 0;
            rest = 0;
            state = CHUNK_SIZE;
        } else if (rest > 0) {
            state = BODY;
        } else {
            end();
        }
    }

    private void chunkSize(int b) {
        int digit = b >= '0' && b <= '9' ? b - '0' : lower(b) >= 'a' && lower(b) <= 'f' ? lower(b) - 'a' + 10 : -1;
        if (digit >= 0 && digits < 15) {
            rest = digits == 0 ? digit : rest << 4 | digit;
            digits++;
        } else if (digits > 0 && b == '\r') {
            state = CHUNK_LF;
        } else if (digits > 0 && (b == ';' || b == ' ' || b == '\t')) {
            state = CHUNK_EXTENSION;
        } else {
            giveUp(NOT_UNDERSTOOD);
        }
    }

    private void end() {
        state = START;
        length = 0;
        if (requests != null) {
            count++;
        }
    }

    private void giveUp(int why) {
        reason = why;
        state = GIVEN_UP;
    }

    private static int lower(int b) {
        return b >= 'A' && b <= 'Z' ? b + 32 : b;
    }

    private static boolean isToken(int b) {
        return b < 64 ? (TOKEN_LOW >>> b & 1) != 0 : b < 128 && (TOKEN_HIGH >>> (b - 64) & 1) != 0;
    }
}

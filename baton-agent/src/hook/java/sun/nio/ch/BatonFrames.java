package sun.nio.ch;

/**
 * Follows what a server sends on a connection of HTTP/2 (RFC 9113, 4.1) or of a WebSocket (RFC 6455, 5.2), frame by frame, and
 * knows at each byte whether a frame of ours may stand there: one by which the server would announce the close. Like
 * {@link BatonFraming} it claims nothing once something is not understood for certain. Not safe for use by several threads at
 * once.
 */
public final class BatonFrames implements BatonFollower {
    /*
     * HTTP/2: GOAWAY with the highest number a stream can have and NO_ERROR is what a server sends that is about to stop and
     * still answers all it has taken (RFC 9113, 6.8). It may stand between any two frames but those of one header block
     * (6.10). The client finishes its streams here, begins the next ones on a new connection, and closes this one. The
     * server need not know: whatever its client sends it is as if the client did so of its own accord.
     *
     * WebSocket: Close with 1001, "going away" (RFC 6455, 7.4.1); a control frame may stand within a fragmented message
     * (5.4). The client answers with Close, to which the server reacts as to any client that leaves.
     */
    private static final byte[] GOAWAY = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, -1, -1, -1, 0, 0, 0, 0};
    private static final byte[] CLOSE = {(byte) 0x88, 2, 0x03, (byte) 0xE9};

    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final int PUSH_PROMISE = 5;
    private static final int GOAWAY_TYPE = 7;
    private static final int CONTINUATION = 9;
    private static final int END_HEADERS = 4;
    private static final int HTTP_2_HEADER = 9;

    private static final int CLOSE_OPCODE = 8;
    private static final int MASKED = 0x80;
    private static final int TWO_BYTES = 126;
    private static final int EIGHT_BYTES = 127;

    private static final String UPGRADE = "upgrade:websocket";

    /** In the head of the response that begins a WebSocket. */
    private static final int HEAD = 0;

    private static final int FRAMES = 1;
    private static final int GIVEN_UP = 2;

    private final boolean isHttp2;
    private int state;

    /** Of a head: how far the current line is {@link #UPGRADE}, -1 when it is not, and whether one was. */
    private int matched;

    private int lineLength;
    private boolean isWebSocket;

    /** Of a frame: how many bytes of its header came, how many it has, and what they say. */
    private int header;

    private int headerLength;
    private int type;
    private int flags;
    private long rest;

    private boolean isBegun;
    private boolean isInBlock;
    private boolean isOver;

    private BatonFrames(boolean isHttp2, int state) {
        this.isHttp2 = isHttp2;
        this.state = state;
    }

    /** {@return what follows a server that begins with a frame of HTTP/2} */
    public static BatonFrames ofHttp2() {
        return new BatonFrames(true, FRAMES);
    }

    /** {@return what follows a server from the fields of a 101 response on} */
    public static BatonFrames ofUpgrade() {
        return new BatonFrames(false, HEAD);
    }

    /** {@return what may be sent here to announce the close, as a frame of its own; null if nothing may} */
    public byte[] farewell() {
        return hasFarewell() && header == 0 && rest == 0 && !isInBlock ? (isHttp2 ? GOAWAY : CLOSE).clone() : null;
    }

    /** {@return whether the close can be announced here or at a later byte} */
    public boolean hasFarewell() {
        return state == FRAMES && (isBegun || !isHttp2) && !isOver;
    }

    /** {@return whether it must stand still for that: an answer to what comes after the farewell would not be heard} */
    public boolean needsRest() {
        return !isHttp2;
    }

    /** The farewell was sent. */
    public void isSaid() {
        isOver = true;
    }

    @Override
    public long skippable() {
        return state == GIVEN_UP ? Long.MAX_VALUE : header == 0 ? rest : 0;
    }

    @Override
    public void skip(long bytes) {
        if (state != GIVEN_UP) {
            rest -= bytes;
        }
    }

    @Override
    public boolean isPassedOn() {
        return false;
    }

    @Override
    public void take(int next) {
        int b = next & 0xFF;
        if (state == HEAD) {
            head(b);
        } else if (state == FRAMES) {
            if (isHttp2) {
                http2(b);
            } else {
                webSocket(b);
            }
        }
    }

    private void head(int b) {
        if (b == '\n') {
            isWebSocket |= matched == UPGRADE.length();
            if (lineLength == 0) {
                state = isWebSocket ? FRAMES : GIVEN_UP;
            }
            matched = 0;
            lineLength = 0;
        } else if (b != '\r') {
            lineLength++;
            if (b != ' ' && b != '\t' && matched >= 0) {
                boolean fits = matched < UPGRADE.length() && (b | 0x20) == (UPGRADE.charAt(matched) | 0x20);
                matched = fits ? matched + 1 : -1;
            }
        }
    }

    private void http2(int b) {
        switch (header++) {
            case 0, 1, 2 -> rest = rest << 8 | b;
            case 3 -> type = b;
            case 4 -> flags = b;
            case HTTP_2_HEADER - 1 -> {
                header = 0;
                http2Header();
            }
            default -> {
                // the stream's number
            }
        }
    }

    private void http2Header() {
        // A server begins with SETTINGS (RFC 9113, 3.4), and so do we not.
        if (!isBegun && type != SETTINGS) {
            state = GIVEN_UP;
        }
        isBegun = true;
        if (type == HEADERS || type == PUSH_PROMISE || type == CONTINUATION) {
            isInBlock = (flags & END_HEADERS) == 0;
        }
        isOver |= type == GOAWAY_TYPE;
    }

    private void webSocket(int b) {
        switch (header++) {
            case 0 -> {
                type = b & 0x0F;
                return;
            }
            case 1 -> {
                if ((b & MASKED) != 0) {
                    state = GIVEN_UP;
                }
                headerLength = b == TWO_BYTES ? 4 : b == EIGHT_BYTES ? 10 : 2;
                rest = headerLength == 2 ? b : 0;
            }
            default -> rest = rest << 8 | b;
        }
        if (header == headerLength) {
            header = 0;
            isOver |= type == CLOSE_OPCODE;
            if (rest < 0) {
                state = GIVEN_UP;
            }
        }
    }
}

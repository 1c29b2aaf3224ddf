package sun.security.ssl;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import sun.nio.ch.BatonFollower;
import sun.nio.ch.BatonFrames;
import sun.nio.ch.BatonFraming;

/**
 * What an application says and hears below TLS on a connection it has accepted. Three methods stand in place of the JDK's own,
 * once the agent has redirected their callers: each does what the original does, and follows the bytes as
 * {@code sun.nio.ch.BatonConversation} does those in the clear.
 *
 * <p>While {@linkplain #announce asked to}, it adds a word by which the server announces the close: {@code Connection: close}
 * behind the status line of a response, GOAWAY between two frames of HTTP/2.
 */
public final class BatonPlaintext {
    /*
     * Such a connection cannot move, for what both sides know of its secrets is in this process alone. So all there is to do
     * is to tell its client. Nobody but the server can write a record; so what is added goes in front of something the server
     * itself writes at this moment, and a client that asks nothing is not told.
     *
     * A response to which it is added must be the last that the client waits for: it may take an announced close for the end,
     * and whatever it has asked behind it for not heard (RFC 9112, 9.6). Where the server says "Connection: keep-alive", the word
     * takes the place of that, lest somebody believe the latter. GOAWAY names the highest stream there can be, and may stand
     * anywhere between two frames.
     *
     * A wrap may take a part of what it is given, as the JDK's does with more than a record holds. The server asks again with
     * the rest; so if a part of what was added is left, which is before that rest, it goes first then.
     */
    private static final byte[] CLOSE = "Connection: close\r\n".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] RESPONSE = "HTTP/1.1 ".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] CONNECTION = "\nconnection:".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] CLOSES = "close".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] LIVES = "\nconnection: keep-alive\r\n".getBytes(StandardCharsets.US_ASCII);

    /**
     * By what a connection writes. Each is followed from its handshake on. Every record is looked up here; so that threads do not
     * wait for each other, there are several of these.
     */
    private static final List<Map<OutputRecord, BatonPlaintext>> ALL = new ArrayList<>();

    static {
        for (int i = 0; i < 64; i++) {
            ALL.add(Collections.synchronizedMap(new WeakHashMap<>()));
        }
    }

    private static volatile boolean isAnnounced;

    private final BatonFraming requests = new BatonFraming(null);
    private final BatonFraming responses = new BatonFraming(requests);

    /** Follows what is said where that is HTTP/2; null elsewhere. */
    private BatonFrames frames;

    /** What is left of what was added, null when nothing is, and how many bytes of the application's it stands for. */
    private ByteBuffer pending;

    private int replaced;

    private BatonPlaintext() {}

    // ---- in place of the JDK's own

    static Plaintext decode(
            TransportContext context,
            ByteBuffer[] srcs,
            int srcsOffset,
            int srcsLength,
            ByteBuffer[] dsts,
            int dstsOffset,
            int dstsLength)
            throws IOException {
        var followed = followed(context);
        if (followed == null || dsts == null) {
            return SSLTransport.decode(context, srcs, srcsOffset, srcsLength, dsts, dstsOffset, dstsLength);
        }
        int[] from = positions(dsts, dstsOffset, dstsLength);
        var plaintext = SSLTransport.decode(context, srcs, srcsOffset, srcsLength, dsts, dstsOffset, dstsLength);
        for (int i = 0; i < dstsLength; i++) {
            var heard = dsts[dstsOffset + i];
            follow(followed.requests, heard, from[i], heard.position());
        }
        return plaintext;
    }

    /** In place of {@link OutputRecord#encode}, by {@link SSLEngineImpl}. */
    static Ciphertext encode(
            OutputRecord out,
            ByteBuffer[] srcs,
            int srcsOffset,
            int srcsLength,
            ByteBuffer[] dsts,
            int dstsOffset,
            int dstsLength)
            throws IOException {
        var followed = srcs == null || firstOf(srcs, srcsOffset, srcsLength) < 0 ? null : those(out).get(out);
        if (followed == null) {
            return out.encode(srcs, srcsOffset, srcsLength, dsts, dstsOffset, dstsLength);
        }
        int[] from = positions(srcs, srcsOffset, srcsLength);
        int first = firstOf(srcs, srcsOffset, srcsLength);
        int at = followed.pending != null ? 0 : followed.place(srcs[first]);
        Ciphertext ciphertext;
        if (at < 0) {
            ciphertext = out.encode(srcs, srcsOffset, srcsLength, dsts, dstsOffset, dstsLength);
        } else {
            var added = followed.pending != null ? followed.pending : followed.word();
            var all = with(added, first, at, followed.replaced, srcs, srcsOffset, srcsLength);
            int whole = added.remaining();
            long before = remaining(all);
            ciphertext = out.encode(all, 0, all.length, dsts, dstsOffset, dstsLength);
            long taken = before - remaining(all) - (whole - added.remaining());
            advance(srcs, srcsOffset, srcsLength, added.hasRemaining() ? taken : taken + followed.replaced);
            followed.added(added, whole, taken > 0 && taken == at);
        }
        for (int i = 0; i < srcsLength; i++) {
            var said = srcs[srcsOffset + i];
            followed.said(said, from[i], said.position());
        }
        return ciphertext;
    }

    /** In place of {@link OutputRecord#deliver}, by {@link SSLSocketImpl}. */
    static void deliver(OutputRecord out, byte[] bytes, int offset, int length) throws IOException {
        var followed = those(out).get(out);
        if (followed == null) {
            out.deliver(bytes, offset, length);
            return;
        }
        var said = ByteBuffer.wrap(bytes, offset, length);
        int at = followed.place(said);
        if (at < 0) {
            out.deliver(bytes, offset, length);
        } else {
            var added = followed.word();
            if (at > 0) {
                out.deliver(bytes, offset, at);
            }
            out.deliver(added.array(), 0, added.remaining());
            out.deliver(bytes, offset + at + followed.replaced, length - at - followed.replaced);
            int whole = added.remaining();
            followed.added(added.position(added.limit()), whole, true);
        }
        followed.said(said, offset, offset + length);
    }

    // ---- for the agent

    /** Whether the close is announced from now on, on each connection as soon as its server says something. */
    public static void announce(boolean whether) {
        isAnnounced = whether;
    }

    // ---- one connection

    /** {@return those among which it is, or would be} */
    private static Map<OutputRecord, BatonPlaintext> those(OutputRecord out) {
        return ALL.get(System.identityHashCode(out) % ALL.size());
    }

    private static BatonPlaintext followed(TransportContext context) {
        if (context.sslConfig.isClientMode || context.sslContext.isDTLS()) {
            return null;
        }
        var out = context.outputRecord;
        var followed = those(out).get(out);
        if (followed == null && !context.isNegotiated) {
            followed = new BatonPlaintext(); // nothing has gone over it yet but of its handshake
            those(out).put(out, followed);
        }
        return followed;
    }

    /**
     * {@return how many bytes of what is about to be said go before what is to be added; -1 if nothing is} How many it stands for
     * is noted.
     */
    private int place(ByteBuffer first) {
        replaced = 0;
        if (!isAnnounced) {
            return -1;
        }
        if (frames != null) {
            return frames.farewell() == null ? -1 : 0;
        }
        return responses.isBetweenMessages()
                        && responses.reason() == BatonFraming.FOLLOWED
                        && requests.reason() == BatonFraming.FOLLOWED
                        && requests.count() == responses.count() + 1
                ? placeInHead(first)
                : -1;
    }

    /** {@return the same in a head; -1 also if its status line is not whole, it is not final, or it announces the close} */
    private int placeInHead(ByteBuffer head) {
        int from = head.position();
        if (!has(head, from, RESPONSE)
                || head.limit() <= from + RESPONSE.length
                || head.get(from + RESPONSE.length) < '2') {
            return -1;
        }
        int place = -1;
        for (int i = from + RESPONSE.length; i < head.limit() - 1; i++) {
            if (head.get(i) != '\n') {
                continue;
            }
            if (place < 0) {
                place = i + 1 - from;
            }
            if (head.get(i + 1) == '\r') {
                break; // behind the last field
            }
            if (has(head, i, LIVES)) {
                place = i + 1 - from;
                replaced = LIVES.length - 1;
            } else if (has(head, i, CONNECTION) && saysClose(head, i + CONNECTION.length)) {
                replaced = 0;
                return -1;
            }
        }
        return place;
    }

    private static boolean saysClose(ByteBuffer head, int at) {
        for (int i = at; i < head.limit() && head.get(i) != '\r'; i++) {
            if (has(head, i, CLOSES)) {
                return true;
            }
        }
        return false;
    }

    /** Whether these bytes stand there, in letters large or small. */
    private static boolean has(ByteBuffer bytes, int at, byte[] wanted) {
        if (bytes.limit() - at < wanted.length) {
            return false;
        }
        for (int i = 0; i < wanted.length; i++) {
            int b = bytes.get(at + i);
            if (b != wanted[i] && (b < 'A' || b > 'Z' || b + 32 != wanted[i])) {
                return false;
            }
        }
        return true;
    }

    private ByteBuffer word() {
        return ByteBuffer.wrap(frames == null ? CLOSE.clone() : frames.farewell());
    }

    /**
     * Notes what became of what was added.
     *
     * @param whole how many bytes it had
     * @param isNext whether all went that was before it
     */
    private void added(ByteBuffer added, int whole, boolean isNext) {
        boolean isBegun = added.remaining() < whole;
        pending = added.hasRemaining() && (added == pending || isBegun || isNext) ? added : null;
        if (frames != null && isBegun) {
            frames.isSaid();
        }
    }

    private void said(ByteBuffer bytes, int from, int to) {
        if (frames == null && from < to && bytes.get(from) == 0 && responses.isBetweenMessages()) {
            frames = BatonFrames.ofHttp2(); // no response begins so, and HTTP/2's first frame does
        }
        follow(frames == null ? responses : frames, bytes, from, to);
    }

    private static void follow(BatonFollower follower, ByteBuffer bytes, int from, int to) {
        int i = from;
        while (i < to && !follower.isPassedOn()) {
            long skippable = follower.skippable();
            if (skippable > 0) {
                int skipped = (int) Math.min(skippable, to - i);
                follower.skip(skipped);
                i += skipped;
            } else {
                follower.take(bytes.get(i));
                i++;
            }
        }
    }

    // ---- several buffers

    private static int[] positions(ByteBuffer[] buffers, int offset, int length) {
        int[] positions = new int[length];
        for (int i = 0; i < length; i++) {
            positions[i] = buffers[offset + i].position();
        }
        return positions;
    }

    /** {@return the index of the first that is not empty; -1 if all are} */
    private static int firstOf(ByteBuffer[] buffers, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            if (buffers[i].hasRemaining()) {
                return i;
            }
        }
        return -1;
    }

    /** {@return views of all of them, with something put into one, in place of so many bytes} */
    private static ByteBuffer[] with(
            ByteBuffer added, int index, int at, int replaced, ByteBuffer[] buffers, int offset, int length) {
        var all = new ByteBuffer[length + 2];
        int n = 0;
        for (int i = offset; i < offset + length; i++) {
            var view = buffers[i].duplicate();
            if (i == index) {
                all[n++] = view.duplicate().limit(view.position() + at);
                all[n++] = added;
                view.position(view.position() + at + replaced);
            }
            all[n++] = view;
        }
        return all;
    }

    private static long remaining(ByteBuffer[] buffers) {
        long remaining = 0;
        for (var buffer : buffers) {
            remaining += buffer.remaining();
        }
        return remaining;
    }

    private static void advance(ByteBuffer[] buffers, int offset, int length, long bytes) {
        long left = bytes;
        for (int i = offset; i < offset + length; i++) {
            int part = (int) Math.min(left, buffers[i].remaining());
            buffers[i].position(buffers[i].position() + part);
            left -= part;
        }
    }
}

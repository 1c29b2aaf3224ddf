package dev.baton.load;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One client with at most one connection. It sends each request once, at the time of its schedule or as soon as the former
 * answer is there, and takes a new connection when the server closed the last one. Confined to one thread.
 *
 * <p>A connection in TIME_WAIT holds a port for a minute on the side that closed first. With thousands of new connections a
 * second that must not be the side that needs a fresh port each time, so a client that wants one answer says
 * {@code Connection: close} and waits for the server to close. Closing with a reset (SO_LINGER 0) would spare the ports too,
 * but would hide a server that loses answers, and other source addresses exist on loopback only.
 */
final class Client implements Runnable {
    private static final Content HELLO = Content.Text.of("Hello, world!");
    private static final Content ANY = new Content.Any();
    private static final Duration SERVER_CLOSES = Duration.ofSeconds(1);
    private static final Duration IDLE_BEGINS_WITHIN = Duration.ofSeconds(1);
    private static final int BIG_RECEIVE_BUFFER = 32 * 1024;
    private static final int PIECES = 10;

    private final Load load;
    private final Clock clock;
    private final Recorder recorder;
    private final Traffic traffic;
    private final Mode mode;
    private final Schedule schedule;
    private final String head;
    private @Nullable Connection connection;
    private long free;
    private int uploads;

    Client(Load load, Traffic traffic, Schedule schedule) {
        this.load = load;
        this.clock = load.clock();
        this.recorder = load.recorder();
        this.traffic = traffic;
        this.mode = traffic.mode();
        this.schedule = schedule;
        this.head = " HTTP/1.1\r\nHost: " + load.host() + "\r\nX-Seq: ";
    }

    @Override
    public void run() {
        long intended = mode == Mode.IDLE ? schedule.next() % IDLE_BEGINS_WITHIN.toNanos() : schedule.next();
        while (load.awaits(intended)) {
            exchange(intended);
            intended = schedule.next();
        }
        if (mode == Mode.IDLE && connection != null) {
            exchange(clock.now());
        }
        look();
        drop();
    }

    /** One request on a connection of its own. */
    void once(long intended) {
        exchange(intended);
        var last = connection;
        if (last != null) {
            last.begin(clock.now() + SERVER_CLOSES.toNanos());
            try {
                last.awaitEnd();
            } catch (Lost _) {
                // The answer is there; how the server closes after it is of no interest.
            }
            drop();
        }
    }

    private void exchange(long intended) {
        look();
        long begun = clock.now();
        int due = traffic.atOnce();
        recorder.begun(due, intended, begun - Math.max(intended, free));
        long sequence = recorder.sequences(due);
        try {
            var current = connected(begun);
            send(current, sequence, begun);
            for (; due > 0; due--, sequence++) {
                if (current.isNoticed()) {
                    throw new Lost(Outcome.UNANSWERED_AFTER_NOTICE, "the end was announced");
                }
                receive(current, sequence);
                recorder.answered(mode, intended, clock.now(), current);
            }
            if (!current.end()) {
                drop();
            }
        } catch (Lost lost) {
            int port = connection == null ? 0 : connection.localPort();
            for (; due > 0; due--, sequence++) {
                recorder.ended(mode, intended, begun, port, sequence, what() + " seq " + sequence, lost);
            }
            boolean goesOn = lost.outcome() == Outcome.WRONG_STATUS && mode != Mode.PIPELINE && mode != Mode.ECHO;
            if (!goesOn || connection == null || !connection.end()) {
                drop();
            }
        }
        free = clock.now();
    }

    /** Learns what became of the connection during the pause. */
    private void look() {
        var current = connection;
        if (current == null) {
            return;
        }
        try {
            var silence = current.silence();
            if (current.isNoticed()) {
                recorder.closedWithNotice();
                drop();
            } else if (silence != Connection.Silence.KEPT) {
                recorder.closedWithoutNotice();
                drop();
            }
        } catch (Lost lost) {
            long now = clock.now();
            recorder.begun(1, now, 0);
            recorder.ended(mode, now, now, current.localPort(), 0, "nothing", lost);
            drop();
        }
    }

    private Connection connected(long begun) throws Lost {
        var current = connection;
        if (current == null) {
            current = new Connection(clock);
            connection = current;
            load.watch(current);
            current.begin(begun + load.limit() + traffic.slowness().toNanos());
            current.connect(load.address(), mode == Mode.BIG ? BIG_RECEIVE_BUFFER : 0);
        } else {
            current.begin(begun + load.limit() + traffic.slowness().toNanos());
        }
        return current;
    }

    private void drop() {
        if (connection != null) {
            load.unwatch(connection);
            connection.close();
            connection = null;
        }
    }

    /** The request line without its version. */
    private String what() {
        return switch (traffic) {
            case Traffic.New _, Traffic.KeepAlive _, Traffic.Pipeline _, Traffic.Idle _ -> "GET /";
            case Traffic.Slow slow -> "GET /slow?ms=" + slow.slowness().toMillis();
            case Traffic.Big big -> "GET /big?kib=" + big.kib();
            case Traffic.Upload _ -> "POST /upload";
            case Traffic.Echo _ -> "GET /echo";
        };
    }

    private void send(Connection current, long sequence, long begun) throws Lost {
        switch (traffic) {
            case Traffic.New _ -> write(current, request(sequence, "Connection: close\r\n"));
            case Traffic.KeepAlive _, Traffic.Idle _, Traffic.Slow _, Traffic.Big _ ->
                write(current, request(sequence, ""));
            case Traffic.Pipeline pipeline -> {
                var requests = new StringBuilder();
                for (int i = 0; i < pipeline.atOnce(); i++) {
                    requests.append(request(sequence + i, ""));
                }
                write(current, requests.toString());
            }
            case Traffic.Upload upload -> upload(current, upload, sequence, begun);
            case Traffic.Echo _ -> {
                if (current.answers() == 0) {
                    write(current, request(sequence, "Connection: Upgrade\r\nUpgrade: echo\r\n"));
                    current.readAnswer(101, ANY, 0);
                    recorder.heard(current);
                }
                write(current, "line " + sequence + "\n");
            }
        }
    }

    private void receive(Connection current, long sequence) throws Lost {
        switch (traffic) {
            case Traffic.New _, Traffic.KeepAlive _, Traffic.Pipeline _, Traffic.Idle _ ->
                current.readAnswer(200, HELLO, 0);
            case Traffic.Slow _ -> current.readAnswer(200, ANY, 0);
            case Traffic.Big big ->
                current.readAnswer(
                        200,
                        new Content.Letters(big.kib() * 1024L),
                        big.slowness().toNanos());
            case Traffic.Upload upload -> current.readAnswer(200, Content.Text.of("received=" + upload.bytes()), 0);
            case Traffic.Echo _ -> {
                current.readLine(("line " + sequence + "\n").getBytes(StandardCharsets.US_ASCII));
                return;
            }
        }
        if (current.sequence() >= 0 && current.sequence() != sequence) {
            throw new Lost(Outcome.WRONG_CONTENT, "the answer to seq " + current.sequence());
        }
    }

    private void upload(Connection current, Traffic.Upload upload, long sequence, long begun) throws Lost {
        boolean chunked = uploads++ % 2 == 1;
        boolean taken = write(
                current,
                request(
                        sequence,
                        chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: " + upload.bytes() + "\r\n"));
        int pieces = Math.min(PIECES, upload.bytes());
        for (int piece = 0; piece < pieces && taken; piece++) {
            clock.await(begun + upload.slowness().toNanos() * (piece + 1) / pieces);
            int size = (int) ((long) upload.bytes() * (piece + 1) / pieces - (long) upload.bytes() * piece / pieces);
            var body = "u".repeat(size);
            taken = write(current, chunked ? Integer.toHexString(size) + "\r\n" + body + "\r\n" : body);
        }
        if (chunked && taken) {
            write(current, "0\r\n\r\n");
        }
    }

    private String request(long sequence, String headers) {
        return what() + head + sequence + "\r\n" + headers + "\r\n";
    }

    private boolean write(Connection current, String ascii) throws Lost {
        return current.write(ByteBuffer.wrap(ascii.getBytes(StandardCharsets.US_ASCII)));
    }
}

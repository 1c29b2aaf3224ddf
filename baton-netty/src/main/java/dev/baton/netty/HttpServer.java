package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import dev.baton.Application;
import dev.baton.Baton;
import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Listener;
import dev.baton.LiveConnection;
import dev.baton.Open;
import dev.baton.Passage;
import dev.baton.Server;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP server that hands over without loss: HTTP/1.1 and WebSocket, and HTTP/2 over TLS.
 *
 * {@snippet :
 * Baton.serve(config, HttpServer.of(request -> Response.text("Hello, world!\n")));
 * }
 *
 * <p>One server serves one or more listeners and, once drained, is done for good. While it drains for a successor, HTTP/1.x
 * connections over epoll and without TLS go there, each as soon as it stands between two messages, and their clients see
 * nothing of it. Where that cannot be, every HTTP/1.x answer says {@code Connection: close} and the connection closes
 * behind it; a connection without a request is left alone until its next one, which is served, or the idle time-out;
 * HTTP/2 connections are told at once (GOAWAY), and so are WebSockets (close code 1001) unless they are {@link Portable}
 * and go to the successor too. At the deadline the rest is cut: a connection counts by what it interrupted, an idle one as a connection,
 * any other by its requests, of which an upgraded connection or a head half read is one.
 *
 * <p>An upgraded connection counts as a request in {@link #open} too, for as long as the conversation lasts.
 *
 * <p>Safe for use by any thread.
 */
public final class HttpServer implements Application, Server {
    /** What a connection that goes from one generation to the next speaks. */
    static final String PROTOCOL = "http/1.1";

    private static final int END_LIMIT_S = 5;

    private final Handler handler;
    private final Settings settings;
    private final Connections connections = new Connections();
    private final List<Acceptor> acceptors = new CopyOnWriteArrayList<>();
    private final LongAdder[] answers = new LongAdder[600];
    private @Nullable EventLoopGroup loops;
    private volatile @Nullable SslContext tls;

    record Settings(
            int maxHead,
            int maxFields,
            long maxBody,
            int maxWebSocketMessage,
            int maxStreams,
            Duration headerTimeout,
            Duration idleTimeout,
            int eventLoops,
            boolean nativeTransport,
            @Nullable TlsFiles tls,
            @Nullable WarmUp warmUp,
            UnaryOperator<Response> everyAnswer,
            Map<String, Function<byte[], ? extends WebSocketHandler>> webSockets,
            Map<String, Function<byte[], ? extends RawHandler>> raws) {}

    private HttpServer(Handler handler, Settings settings) {
        this.handler = handler;
        this.settings = settings;
        for (var i = 0; i < answers.length; i++) {
            answers[i] = new LongAdder();
        }
    }

    /**
     * A server with the defaults of {@link Builder}.
     *
     * @param handler answers the requests
     * @return the server, not yet started
     */
    public static HttpServer of(Handler handler) {
        return builder(handler).build();
    }

    /**
     * A server to be adjusted.
     *
     * @param handler answers the requests
     * @return its builder
     */
    public static Builder builder(Handler handler) {
        return new Builder(handler);
    }

    /**
     * Serves on a listener; may be called again for others.
     *
     * @throws java.io.IOException if the certificate cannot be used or the listener not be taken
     */
    @Override
    public synchronized void start(Baton baton, Listener listener) throws Exception {
        if (connections.isDraining()) {
            throw new IllegalStateException("cannot serve on " + listener.name() + ": this server has been drained");
        }
        if (settings.tls() != null && tls == null) {
            tls = settings.tls().load();
        }
        var transport = Transport.choose(settings.nativeTransport());
        var first = loops == null;
        if (loops == null) {
            loops = transport.eventLoops(settings.eventLoops());
        }
        var acceptor = new Acceptor(this, listener, transport.open(listener), loops);
        acceptors.add(acceptor);
        if (first) {
            baton.attach(this);
        }
        try {
            acceptor.start();
        } catch (Exception e) {
            acceptors.remove(acceptor);
            throw e;
        }
        if (first && settings.warmUp() != null && baton.predecessor().isPresent()) {
            settings.warmUp().run(this, new Acceptor(this, listener, transport.unbound(), loops), baton);
        }
        LOG.log(
                Level.INFO,
                () -> "serving %s on %s (%s, %s)"
                        .formatted(
                                tls == null ? "http" : "https",
                                listener.address(),
                                listener.name(),
                                transport.name().toLowerCase(Locale.ROOT)));
    }

    @Override
    public synchronized void pause() throws Exception {
        for (var acceptor : acceptors) {
            try {
                acceptor.pause();
            } catch (Exception e) {
                resume();
                throw e;
            }
        }
    }

    @Override
    public synchronized void resume() throws Exception {
        connections.callOffDrain();
        for (var acceptor : acceptors) {
            acceptor.resume();
        }
    }

    @Override
    public Drained drain(Deadline deadline) throws Exception {
        return drainBy(deadline, null);
    }

    @Override
    public Drained drain(Deadline deadline, Passage passage) throws Exception {
        return drainBy(deadline, passage);
    }

    private Drained drainBy(Deadline deadline, @Nullable Passage passage) throws Exception {
        pause();
        var drained = connections.drain(deadline, passage);
        return drained.isEmpty() ? Drained.NOTHING : end(drained.get());
    }

    @Override
    public boolean canAdopt(LiveConnection connection) {
        return speaks(connection)
                && tls == null
                && Transport.choose(settings.nativeTransport()) == Transport.EPOLL
                && !connections.isDraining()
                && acceptor(connection.listener()).isPresent();
    }

    private boolean speaks(LiveConnection connection) {
        return connection.protocol().equals(PROTOCOL)
                || (connection.state().length > 0
                        && takesOver(connection.protocol(), Http1Connection.kind(connection.state())));
    }

    /** Whether a conversation of another protocol can go on here. */
    boolean takesOver(String protocol, String kind) {
        return switch (protocol) {
            case WebSocketTunnel.PROTOCOL -> settings.webSockets().containsKey(kind);
            case RawTunnel.PROTOCOL -> settings.raws().containsKey(kind);
            default -> false;
        };
    }

    WebSocketHandler webSocketFrom(String kind, byte[] state) {
        return Objects.requireNonNull(settings.webSockets().get(kind)).apply(state);
    }

    RawHandler rawFrom(String kind, byte[] state) {
        return Objects.requireNonNull(settings.raws().get(kind)).apply(state);
    }

    @Override
    public void adopt(LiveConnection connection) {
        acceptor(connection.listener()).orElseThrow().adopt(connection);
    }

    private Optional<Acceptor> acceptor(String listener) {
        return acceptors.stream().filter(one -> one.listens(listener)).findFirst();
    }

    private synchronized Drained end(Drained drained) throws Exception {
        for (var acceptor : acceptors) {
            acceptor.close();
        }
        if (loops != null) {
            loops.shutdownGracefully(0, END_LIMIT_S, TimeUnit.SECONDS).await(END_LIMIT_S, TimeUnit.SECONDS);
        }
        return drained;
    }

    @Override
    public Open open() {
        return connections.open();
    }

    /**
     * How many answers were given with a status, also those no handler saw: 400, 408, 413, 414, 417, 431, 505.
     *
     * @param status 100 to 599
     * @return their number since the start
     */
    public long answers(int status) {
        return answers[status].sum();
    }

    // ---- for the connections

    Handler handler() {
        return handler;
    }

    Settings settings() {
        return settings;
    }

    Connections connections() {
        return connections;
    }

    Optional<SslContext> tls() {
        return Optional.ofNullable(tls);
    }

    boolean isDraining() {
        return connections.isDraining();
    }

    /** Whether a connection ends with its next answer: in a drain, unless it can go to the successor. */
    boolean closesConnections(boolean cannotGo) {
        return connections.mustEnd() || (cannotGo && connections.isDraining());
    }

    Response decorate(Response response) {
        return settings.everyAnswer().apply(response);
    }

    void answering(int status) {
        answers[status].increment();
    }

    /** Adjusts a server. Nonsense is refused when it is said. */
    public static final class Builder {
        private static final Duration LONGEST = Duration.ofDays(1);

        private final Handler handler;
        private int maxHead = 16 << 10;
        private int maxFields = 100;
        private long maxBody = Long.MAX_VALUE;
        private int maxWebSocketMessage = 1 << 20;
        private int maxStreams = 100;
        private Duration headerTimeout = Duration.ofSeconds(10);
        private Duration idleTimeout = Duration.ofSeconds(60);
        private int eventLoops = Runtime.getRuntime().availableProcessors();
        private boolean nativeTransport = true;
        private @Nullable TlsFiles tls;
        private @Nullable WarmUp warmUp;
        private UnaryOperator<Response> everyAnswer = UnaryOperator.identity();
        private final Map<String, Function<byte[], ? extends WebSocketHandler>> webSockets = new HashMap<>();
        private final Map<String, Function<byte[], ? extends RawHandler>> raws = new HashMap<>();

        private Builder(Handler handler) {
            this.handler = handler;
        }

        /**
         * How long a request line may be, and how long all header fields together. Longer ones are answered 414 and 431.
         *
         * @param bytes 256 to 1 MiB; 16 KiB unless said otherwise. A client can make the server hold twice as much for
         *     each connection
         * @return this
         */
        public Builder maxHead(int bytes) {
            maxHead = (int) within("maxHead", bytes, 256, 1 << 20);
            return this;
        }

        /**
         * How many header fields a request may have. More are answered 431.
         *
         * @param count 10 to 10,000; 100 unless said otherwise
         * @return this
         */
        public Builder maxFields(int count) {
            maxFields = (int) within("maxFields", count, 10, 10_000);
            return this;
        }

        /**
         * How long a body may be. A longer one is answered 413, when it is announced without asking the handler.
         *
         * @param bytes 0 or more; without limit unless said otherwise, which costs no memory as long as handlers read
         *     bodies as streams
         * @return this
         */
        public Builder maxBody(long bytes) {
            maxBody = within("maxBody", bytes, 0, Long.MAX_VALUE);
            return this;
        }

        /**
         * How long a WebSocket message may be, fragments put together. A longer one ends the conversation with 1009.
         *
         * @param bytes 125 to 1 GiB; 1 MiB unless said otherwise. A client can make the server hold twice as much
         * @return this
         */
        public Builder maxWebSocketMessage(int bytes) {
            maxWebSocketMessage = (int) within("maxWebSocketMessage", bytes, 125, 1 << 30);
            return this;
        }

        /**
         * How many requests a client may have open on one HTTP/2 connection. More wait at the client.
         *
         * @param count 1 to 10,000; 100 unless said otherwise
         * @return this
         */
        public Builder maxStreams(int count) {
            maxStreams = (int) within("maxStreams", count, 1, 10_000);
            return this;
        }

        /**
         * How long a head may take from its first byte to its last, and a TLS handshake. A later one is answered 408.
         *
         * @param limit 1 ms to one day; 10 s unless said otherwise. Longer lets slow clients hold connections
         * @return this
         */
        public Builder headerTimeout(Duration limit) {
            headerTimeout = within("headerTimeout", limit);
            return this;
        }

        /**
         * How long a connection is kept without a request, how long a client may pause in the middle of a body, and how
         * long it may take nothing of an answer. Also in force while draining.
         *
         * @param limit 1 ms to one day; 60 s unless said otherwise. It should be longer than that of a proxy in front,
         *     which otherwise meets connections closed under its hands
         * @return this
         */
        public Builder idleTimeout(Duration limit) {
            idleTimeout = within("idleTimeout", limit);
            return this;
        }

        /**
         * Serves HTTPS, with HTTP/2 for clients that want it (ALPN). The files are read when the server starts.
         *
         * @param certificatePem the certificate chain, the server's own first
         * @param keyPem its private key, PKCS#8 without a password
         * @return this
         */
        public Builder tls(Path certificatePem, Path keyPem) {
            tls = new TlsFiles(certificatePem, keyPem);
            return this;
        }

        /**
         * How many threads move bytes. Handlers run elsewhere.
         *
         * @param count 1 to 1,024; the number of processors unless said otherwise
         * @return this
         */
        public Builder eventLoops(int count) {
            eventLoops = (int) within("eventLoops", count, 1, 1_024);
            return this;
        }

        /**
         * Whether epoll may be used. {@code -Ddev.baton.netty.nio=true} forbids it too.
         *
         * @param allowed true unless said otherwise; where epoll cannot be loaded NIO is used anyway. NIO cannot serve
         *     Unix-domain listeners and needs the flag named at {@link Listener#channel}
         * @return this
         */
        public Builder nativeTransport(boolean allowed) {
            nativeTransport = allowed;
            return this;
        }

        /**
         * Changes every answer before it is sent, those to bad requests included, say to add header fields.
         *
         * @param change must not block; may be called by any thread
         * @return this
         */
        public Builder everyAnswer(UnaryOperator<Response> change) {
            everyAnswer = change;
            return this;
        }

        /**
         * Lets a successor ask itself before it is ready, so that what a JVM does slowly for the first time is done before
         * clients wait for it. The handler is asked like by any client, on a port of the loopback interface that is open as
         * long, 5 s at most. What it answers does not matter; that it fails to is logged, and no reason not to serve.
         *
         * @param path what is asked for with GET, once per connection; it should lead through most of the code and have no
         *     effect
         * @param requests 1 to 100,000; none unless said otherwise. A few hundred are worth their time
         * @return this
         */
        public Builder warmUp(String path, int requests) {
            if (!path.startsWith("/") || path.chars().anyMatch(c -> c <= ' ' || c > '~')) {
                throw new IllegalArgumentException("the path to warm up with, '" + path + "', is none");
            }
            warmUp = new WarmUp(path, (int) within("the number of requests to warm up with", requests, 1, 100_000));
            return this;
        }

        /**
         * Goes on with WebSockets whose handlers were {@link Portable} in the predecessor. Without it they are closed with
         * code 1001 when their generation ends.
         *
         * @param kind as {@link Portable#kind} says, 1 to 100 bytes of UTF-8
         * @param takeOver makes a handler from the state of the one before; called on a virtual thread
         * @return this
         */
        public Builder takeOverWebSocket(String kind, Function<byte[], ? extends WebSocketHandler> takeOver) {
            webSockets.put(kind(kind), takeOver);
            return this;
        }

        /**
         * Goes on with upgraded connections whose handlers were {@link Portable} in the predecessor. Without it they are
         * told of the drain and cut at the deadline.
         *
         * @param kind as {@link Portable#kind} says, 1 to 100 bytes of UTF-8
         * @param takeOver makes a handler from the state of the one before; called on a virtual thread
         * @return this
         */
        public Builder takeOverRaw(String kind, Function<byte[], ? extends RawHandler> takeOver) {
            raws.put(kind(kind), takeOver);
            return this;
        }

        private static String kind(String kind) {
            within("the length of kind", kind.getBytes(StandardCharsets.UTF_8).length, 1, 100);
            return kind;
        }

        /** {@return the server, not yet started} */
        public HttpServer build() {
            return new HttpServer(
                    handler,
                    new Settings(
                            maxHead,
                            maxFields,
                            maxBody,
                            maxWebSocketMessage,
                            maxStreams,
                            headerTimeout,
                            idleTimeout,
                            eventLoops,
                            nativeTransport,
                            tls,
                            warmUp,
                            everyAnswer,
                            Map.copyOf(webSockets),
                            Map.copyOf(raws)));
        }

        private static long within(String name, long value, long least, long most) {
            if (value < least || value > most) {
                throw new IllegalArgumentException("%s is %d, must be %d to %d".formatted(name, value, least, most));
            }
            return value;
        }

        private static Duration within(String name, Duration value) {
            if (value.toMillis() < 1 || value.compareTo(LONGEST) > 0) {
                throw new IllegalArgumentException("%s is %s, must be 1 ms to %s".formatted(name, value, LONGEST));
            }
            return value;
        }
    }
}

package dev.baton.load;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A running load: clients on raw sockets that send by a schedule of their own, never send a request twice, and tell for
 * every request what became of it.
 *
 * <pre>{@code
 * try (var load = Load.on(address).seed(42).newConnections(500).keepAlive(40, Duration.ofMillis(20)).start()) {
 *     load.phase("restart");
 *     ...
 *     var report = load.stop();
 *     System.out.print(report.toTable());
 * }
 * }</pre>
 *
 * <p><b>The load is open.</b> When a request should be sent is decided by the seed alone, and latency counts from then. A
 * server that stalls therefore pays for every request that should have been sent meanwhile, those on the same connection
 * that had to wait for the answer before included; measuring from the actual sending would leave them out ("coordinated
 * omission"). How late the driver itself was is reported apart, as {@link Report#lag()}. In its first seconds a driver is
 * slow itself, while its own code is being compiled; name a phase for them.
 *
 * <p>Safe for use by any thread.
 */
public final class Load implements AutoCloseable {
    private static final long WATCH_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final Duration GRACE = Duration.ofSeconds(2);

    private final InetSocketAddress address;
    private final long seed;
    private final Duration limit;
    private final Clock clock = new Clock();
    private final Recorder recorder = new Recorder(clock);
    private final Set<Connection> watched = ConcurrentHashMap.newKeySet();
    private final List<Thread> senders = new ArrayList<>();
    private final ExecutorService arrivals = Executors.newVirtualThreadPerTaskExecutor();
    private final Duration patience;
    private volatile boolean stopping;
    private volatile boolean stopped;
    private @Nullable Report report;

    private Load(Builder builder) {
        this.address = builder.address;
        this.seed = builder.seed;
        this.limit = builder.limit;
        this.patience = limit.plus(GRACE)
                .plus(builder.traffics.stream()
                        .map(Traffic::slowness)
                        .max(Duration::compareTo)
                        .orElse(Duration.ZERO));
    }

    /**
     * Begins the description of a load.
     *
     * @param address where the server listens; resolved
     * @return a builder without traffic, with a random seed and a limit of 30 seconds
     */
    public static Builder on(InetSocketAddress address) {
        if (address.isUnresolved()) {
            throw new IllegalArgumentException("cannot load " + address + ": the host name has no address");
        }
        return new Builder(address);
    }

    /** {@return the seed of every schedule; the same seed and the same traffic send at the same times} */
    public long seed() {
        return seed;
    }

    /** {@return the time since the start; times in the {@link Report} count from the same instant} */
    public Duration elapsed() {
        return clock.elapsed();
    }

    /**
     * Begins a phase: requests that should be sent from now on are measured under this name. A name that was used before
     * goes on where it was left.
     *
     * @param name say {@code steady} or {@code restart}; before the first call it is {@code all}
     */
    public void phase(String name) {
        recorder.phase(name);
    }

    /** {@return the counters of now} */
    public Snapshot snapshot() {
        return recorder.snapshot();
    }

    /** {@return the generations that have answered by now, as in {@link Report#generations()}} */
    public List<Generation> generations() {
        return recorder.generations();
    }

    /**
     * Sends nothing new, lets what is in flight end within its limit, closes every connection and reports. Idle clients
     * send one more request first, each on the connection that was silent. Waits at most for the limit, the longest intended slowness and two seconds; an
     * interrupt ends the wait, cuts what is in flight and stays set.
     *
     * @return the report; the same one when called again
     */
    public synchronized Report stop() {
        var known = report;
        if (known != null) {
            return known;
        }
        stopping = true;
        senders.forEach(LockSupport::unpark);
        long end = clock.now() + patience.toNanos();
        try {
            for (var sender : senders) {
                if (!sender.join(Duration.ofNanos(Math.max(1, end - clock.now())))) {
                    break;
                }
            }
            arrivals.shutdown();
            var _ = arrivals.awaitTermination(end - clock.now(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        arrivals.shutdownNow();
        stopped = true;
        watched.forEach(Connection::close);
        known = recorder.report(host(), seed);
        report = known;
        return known;
    }

    /** Stops, if that was not done. */
    @Override
    public void close() {
        var _ = stop();
    }

    Clock clock() {
        return clock;
    }

    Recorder recorder() {
        return recorder;
    }

    InetSocketAddress address() {
        return address;
    }

    String host() {
        var host = address.getHostString();
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    long limit() {
        return limit.toNanos();
    }

    /** Parks the thread until that instant; false, and at once, if the load stops before. */
    boolean awaits(long instant) {
        for (long left = instant - clock.now(); left > 0 && !stopping; left = instant - clock.now()) {
            LockSupport.parkNanos(this, left);
        }
        return !stopping;
    }

    void watch(Connection connection) {
        watched.add(connection);
    }

    void unwatch(Connection connection) {
        watched.remove(connection);
    }

    private Load start(List<Traffic> traffics) {
        var seeds = new SplittableRandom(seed);
        for (var traffic : traffics) {
            for (int i = 0; i < traffic.clients(); i++) {
                var schedule = new Schedule(seeds.nextLong(), traffic.gap(), traffic.slowness());
                senders.add(
                        traffic instanceof Traffic.New
                                ? Thread.ofPlatform()
                                        .daemon()
                                        .name("baton-load-pacer")
                                        .unstarted(() -> pace(traffic, schedule))
                                : Thread.ofVirtual()
                                        .name("baton-load-" + traffic.mode())
                                        .unstarted(new Client(this, traffic, schedule)));
            }
        }
        senders.forEach(Thread::start);
        Thread.ofPlatform().daemon().name("baton-load-watch").start(this::expire);
        return this;
    }

    private void pace(Traffic traffic, Schedule schedule) {
        for (long next = schedule.next(); awaits(next); next = schedule.next()) {
            long intended = next;
            arrivals.execute(() -> new Client(this, traffic, schedule).once(intended));
        }
    }

    private void expire() {
        while (!stopped) {
            long now = clock.now();
            watched.forEach(connection -> connection.expire(now));
            LockSupport.parkNanos(this, WATCH_EVERY_NANOS);
        }
    }

    /** What a load is made of. Modes add up; calling one again adds more clients of that kind. Not thread-safe. */
    public static final class Builder {
        private final InetSocketAddress address;
        private final List<Traffic> traffics = new ArrayList<>();
        private long seed = new SplittableRandom().nextLong();
        private Duration limit = Duration.ofSeconds(30);

        private Builder(InetSocketAddress address) {
            this.address = address;
        }

        /**
         * Fixes the seed.
         *
         * @param seed any number
         * @return this
         */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /**
         * Sets the time that a request may take, connecting included, on top of the slowness that its mode intends.
         *
         * @param limit more than zero; kept to within some 20 ms
         * @return this
         */
        public Builder limit(Duration limit) {
            this.limit = positive("limit", limit);
            return this;
        }

        /**
         * Adds {@link Mode#NEW}.
         *
         * @param perSecond new connections per second, on average; as many at once as the server makes wait
         * @return this
         */
        public Builder newConnections(double perSecond) {
            if (!(perSecond > 0)) {
                throw new IllegalArgumentException("a rate of " + perSecond + " per second sends nothing");
            }
            return add(new Traffic.New(Duration.ofNanos(Math.max(1, (long) (1e9 / perSecond)))));
        }

        /**
         * Adds {@link Mode#KEEP_ALIVE}.
         *
         * @param connections how many at a time
         * @param gap mean time between the requests of one connection
         * @return this
         */
        public Builder keepAlive(int connections, Duration gap) {
            return add(new Traffic.KeepAlive(connections, positive("gap", gap)));
        }

        /**
         * Adds {@link Mode#PIPELINE}.
         *
         * @param connections how many at a time
         * @param gap mean time between the writes of one connection
         * @param depth requests per write
         * @return this
         */
        public Builder pipeline(int connections, Duration gap, int depth) {
            return add(new Traffic.Pipeline(connections, positive("gap", gap), positive("depth", depth)));
        }

        /**
         * Adds {@link Mode#SLOW}.
         *
         * @param connections how many at a time
         * @param gap mean time between the intended end of a request and the next on one connection
         * @param work how long the server is asked to take, in whole milliseconds
         * @return this
         */
        public Builder slow(int connections, Duration gap, Duration work) {
            return add(new Traffic.Slow(connections, positive("gap", gap), work));
        }

        /**
         * Adds {@link Mode#UPLOAD}.
         *
         * @param connections how many at a time
         * @param gap mean time between the intended end of a request and the next on one connection
         * @param bytes length of the body
         * @param over the time in which the body is sent, in ten pieces
         * @return this
         */
        public Builder upload(int connections, Duration gap, int bytes, Duration over) {
            return add(new Traffic.Upload(connections, positive("gap", gap), positive("bytes", bytes), over));
        }

        /**
         * Adds {@link Mode#BIG}.
         *
         * @param connections how many at a time
         * @param gap mean time between the intended end of a request and the next on one connection
         * @param kib length of the body in KiB
         * @param over the time in which the body is read
         * @return this
         */
        public Builder big(int connections, Duration gap, int kib, Duration over) {
            return add(new Traffic.Big(connections, positive("gap", gap), positive("kib", kib), over));
        }

        /**
         * Adds {@link Mode#ECHO}.
         *
         * @param connections how many at a time
         * @param gap mean time between the lines of one connection
         * @return this
         */
        public Builder echo(int connections, Duration gap) {
            return add(new Traffic.Echo(connections, positive("gap", gap)));
        }

        /**
         * Adds {@link Mode#IDLE}.
         *
         * @param connections how many at a time
         * @param silence mean time between the requests of one connection
         * @return this
         */
        public Builder idle(int connections, Duration silence) {
            return add(new Traffic.Idle(connections, positive("silence", silence)));
        }

        /**
         * Starts the clients.
         *
         * @return the load, running
         * @throws IllegalStateException if no mode was added
         */
        public Load start() {
            if (traffics.isEmpty()) {
                throw new IllegalStateException("nothing to send to " + address + ": add a mode, say keepAlive(...)");
            }
            return new Load(this).start(List.copyOf(traffics));
        }

        private Builder add(Traffic traffic) {
            positive("connections", traffic.clients());
            if (traffic.slowness().isNegative()) {
                throw new IllegalArgumentException(traffic + " would have to end before it begins");
            }
            traffics.add(traffic);
            return this;
        }

        private static int positive(String what, int value) {
            if (value <= 0) {
                throw new IllegalArgumentException(what + " must be more than zero, not " + value);
            }
            return value;
        }

        private static Duration positive(String what, Duration value) {
            if (!value.isPositive()) {
                throw new IllegalArgumentException(what + " must be more than zero, not " + value);
            }
            return value;
        }
    }
}

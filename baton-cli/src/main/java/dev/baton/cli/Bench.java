package dev.baton.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Measures what Baton costs, each time against the same without Baton in the same run, by turns, so that a noisy machine
 * is noisy for both. What counts are the ratios.
 */
@Command(
        name = "bench",
        hidden = true,
        description = "Measures what taking part costs: throughput, latency and start, against the same without Baton.",
        mixinStandardHelpOptions = true)
final class Bench implements Callable<Integer> {
    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration HANDOVER_LIMIT = Duration.ofMinutes(3);
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(3);
    private static final byte[] REQUEST = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final String END_OF_ANSWER = "Hello, world!\n";

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "9", description = "default ${DEFAULT-VALUE}")
    private int rounds;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "4",
            description = "of each, default ${DEFAULT-VALUE}")
    private int seconds;

    @Option(names = "--connections", paramLabel = "N", defaultValue = "64", description = "default ${DEFAULT-VALUE}")
    private int connections;

    @Option(
            names = "--agent",
            description = "measure the agent instead: a small server of the JDK's, in a plain JVM, with it and without")
    private boolean agent;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** One measurement with Baton and one without. */
    private record Pair(double with, double without) {
        double ratio() {
            return with / without;
        }
    }

    /** What one server did in a few seconds. */
    private record Speed(double perSecond, double p99Ms) {}

    @Override
    public Integer call() throws Exception {
        var out = spec.commandLine().getOut();
        var directory = Files.createTempDirectory("baton-bench");
        if (agent) {
            return withAgent(out, directory);
        }
        var socket = directory.resolve("demo.sock");
        var log = directory.resolve("log");
        var joined = Demo.startHello(socket, log);
        var alone = new ArrayList<Process>();
        var cleanUp = Thread.ofPlatform().unstarted(() -> {
            alone.forEach(Process::destroyForcibly);
            Demo.end(socket, joined, directory);
        });
        Runtime.getRuntime().addShutdownHook(cleanUp);
        var address = Demo.awaitStart(socket, joined, log);
        var aloneAddress = freeAddress();
        alone.add(Demo.start(log, "hello-without-baton", "--address", text(aloneAddress)));
        awaitAnswer(aloneAddress, "");
        throughput(out, address, aloneAddress);
        alone.forEach(Process::destroyForcibly);
        alone.clear();
        starts(out, socket, address, alone, log);
        out.flush();
        return 0;
    }

    private int withAgent(PrintWriter out, Path directory) throws Exception {
        var log = directory.resolve("log");
        var alone = new ArrayList<Process>();
        var cleanUp = Thread.ofPlatform().unstarted(() -> alone.forEach(Process::destroyForcibly));
        Runtime.getRuntime().addShutdownHook(cleanUp);
        var option = "-javaagent:" + Run.ownAgent() + "=control-socket=" + directory.resolve("bench.sock");
        Launch with = address -> SmallServer.start(address, log, List.of(option));
        Launch without = address -> SmallServer.start(address, log, List.of());
        out.printf("%d rounds; start to first answer of a small server, with the agent and without%n", rounds);
        print(out, "first answer, ms", starts(() -> bare(alone, with), () -> bare(alone, without)));
        out.flush();
        var addressWith = freeAddress();
        alone.add(with.start(addressWith));
        awaitAnswer(addressWith, "");
        var addressWithout = freeAddress();
        alone.add(without.start(addressWithout));
        awaitAnswer(addressWithout, "");
        throughput(out, addressWith, addressWithout);
        return 0;
    }

    /** A closed loop: each connection asks again as soon as it is answered. */
    private void throughput(PrintWriter out, InetSocketAddress with, InetSocketAddress without) throws Exception {
        var _ = saturate(with);
        var _ = saturate(without);
        var speeds = new ArrayList<Pair>();
        var latencies = new ArrayList<Pair>();
        for (int i = 0; i < rounds; i++) {
            // Whoever comes second meets the machine as the first one left it, so they take turns in that too.
            var first = saturate(i % 2 == 0 ? with : without);
            var second = saturate(i % 2 == 0 ? without : with);
            var ours = i % 2 == 0 ? first : second;
            var theirs = i % 2 == 0 ? second : first;
            speeds.add(new Pair(ours.perSecond(), theirs.perSecond()));
            latencies.add(new Pair(ours.p99Ms(), theirs.p99Ms()));
        }
        out.printf("%d rounds of %d s, %d connections, one request at a time on each%n", rounds, seconds, connections);
        print(out, "requests per second", speeds);
        print(out, "p99 in ms", latencies);
        out.flush();
    }

    private Speed saturate(InetSocketAddress address) throws Exception {
        var begin = System.nanoTime();
        var end = begin + TimeUnit.SECONDS.toNanos(seconds);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<long[]>> clients = IntStream.range(0, connections)
                    .mapToObj(_ -> threads.submit(() -> askUntil(end, address)))
                    .toList();
            var all = LongStream.empty();
            for (var client : clients) {
                all = LongStream.concat(all, Arrays.stream(client.get()));
            }
            var sorted = all.sorted().toArray();
            return new Speed(sorted.length / (double) seconds, sorted[sorted.length * 99 / 100] / 1e6);
        }
    }

    private static long[] askUntil(long end, InetSocketAddress address) throws IOException {
        var nanos = new long[1024];
        int count = 0;
        try (var socket = new Socket(address.getAddress(), address.getPort())) {
            socket.setTcpNoDelay(true);
            var answer = new byte[4096];
            for (long now = System.nanoTime(); now < end; ) {
                socket.getOutputStream().write(REQUEST);
                var _ = readAnswer(socket, answer);
                var then = System.nanoTime();
                if (count == nanos.length) {
                    nanos = Arrays.copyOf(nanos, count * 2);
                }
                nanos[count++] = then - now;
                now = then;
            }
        }
        return Arrays.copyOf(nanos, count);
    }

    private static String readAnswer(Socket socket, byte[] buffer) throws IOException {
        int length = 0;
        while (length < END_OF_ANSWER.length() || buffer[length - 1] != '\n' || buffer[length - 2] != '!') {
            int read = socket.getInputStream().read(buffer, length, buffer.length - length);
            if (read < 0) {
                throw new IOException("the connection was closed in the middle of an answer");
            }
            length += read;
        }
        return new String(buffer, 0, length, StandardCharsets.US_ASCII);
    }

    /** From the trigger to the first answer of the successor, and from the start of a process to its first answer. */
    private void starts(PrintWriter out, Path socket, InetSocketAddress address, List<Process> alone, Path log)
            throws Exception {
        Launch without = free -> Demo.start(log, "hello-without-baton", "--address", text(free));
        out.printf(
                "%d rounds; with: trigger to first answer of the successor; without: bare start to first answer%n",
                rounds);
        print(out, "first answer, ms", starts(() -> restart(socket, address), () -> bare(alone, without)));
    }

    private List<Pair> starts(Callable<Double> with, Callable<Double> without) throws Exception {
        var times = new ArrayList<Pair>();
        for (int i = 0; i <= rounds; i++) {
            var pair = i % 2 == 0 ? new Pair(with.call(), without.call()) : swap(without.call(), with.call());
            // The first of each brings files into the page cache.
            if (i > 0) {
                times.add(pair);
            }
        }
        return times;
    }

    /** Starts a server. */
    private interface Launch {
        Process start(InetSocketAddress address) throws Exception;
    }

    private static Pair swap(double without, double with) {
        return new Pair(with, without);
    }

    private static double restart(Path socket, InetSocketAddress address) throws Exception {
        var generation = Status.status(socket).generation();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var begin = System.nanoTime();
            var handover = threads.submit(() -> Restart.restart(socket, HANDOVER_LIMIT, null));
            awaitAnswer(address, "x-generation: " + (generation + 1) + "\r\n");
            var taken = System.nanoTime() - begin;
            if (!handover.get().ok()) {
                throw new Main.Refusal(
                        Main.NOT_DONE, "a restart failed: " + handover.get().reason());
            }
            return taken / 1e6;
        }
    }

    private static double bare(List<Process> alone, Launch launch) throws Exception {
        var address = freeAddress();
        var begin = System.nanoTime();
        var process = launch.start(address);
        alone.add(process);
        awaitAnswer(address, "");
        var taken = System.nanoTime() - begin;
        var _ = process.destroyForcibly().waitFor();
        alone.remove(process);
        return taken / 1e6;
    }

    /** Asks on a new connection every few milliseconds until an answer holds a text. */
    private static void awaitAnswer(InetSocketAddress address, String text) throws Main.Refusal {
        var end = System.nanoTime() + START_LIMIT.toNanos();
        while (System.nanoTime() < end) {
            try (var socket = new Socket(address.getAddress(), address.getPort())) {
                socket.getOutputStream().write(REQUEST);
                if (readAnswer(socket, new byte[4096]).toLowerCase(Locale.ROOT).contains(text)) {
                    return;
                }
            } catch (IOException e) {
                // It does not listen yet.
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
        throw new Main.Refusal(Main.IN_VAIN, "no answer with '" + text + "' from " + address);
    }

    private static void print(PrintWriter out, String what, List<Pair> pairs) {
        out.printf(
                Locale.ROOT,
                "%-22s with %,10.1f   without %,10.1f   ratio %.3f (%.3f to %.3f)%n",
                what,
                median(pairs.stream().mapToDouble(Pair::with).toArray()),
                median(pairs.stream().mapToDouble(Pair::without).toArray()),
                median(pairs.stream().mapToDouble(Pair::ratio).toArray()),
                pairs.stream().mapToDouble(Pair::ratio).min().orElse(0),
                pairs.stream().mapToDouble(Pair::ratio).max().orElse(0));
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static InetSocketAddress freeAddress() throws IOException {
        try (var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new InetSocketAddress(probe.getInetAddress(), probe.getLocalPort());
        }
    }

    private static String text(InetSocketAddress address) {
        return address.getAddress().getHostAddress() + ":" + address.getPort();
    }
}

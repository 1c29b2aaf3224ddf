package dev.baton.cli;

import dev.baton.BatonConfig;
import dev.baton.control.Message;
import dev.baton.launch.LaunchSpec;
import dev.baton.launch.ProcessStatus;
import dev.baton.load.Latency;
import dev.baton.load.Load;
import dev.baton.load.Mode;
import dev.baton.load.Outcome;
import dev.baton.load.Phase;
import dev.baton.load.Report;
import dev.baton.load.Snapshot;
import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Restarts a server again and again under load and counts what is lost. */
@Command(
        name = "demo",
        description =
                "Starts hello on a free port, restarts it again and again under load, and tells what was lost: exit code 1 if anything was.",
        mixinStandardHelpOptions = true)
final class Demo implements Callable<Integer> {
    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration HANDOVER_LIMIT = Duration.ofMinutes(3);
    private static final Duration WARM_UP = Duration.ofSeconds(3);
    private static final Duration BETWEEN = Duration.ofSeconds(2);
    private static final Duration SOAK_AGE = Duration.ofSeconds(4);
    private static final String OWN_CLASS_PATH = System.getProperty("java.class.path");
    private static final int RESTARTS = 5;
    private static final int RATE = 1000;
    private static final int SOAK_RESTARTS = 200;
    private static final int SOAK_RATE = 1600;

    @Option(
            names = "--restarts",
            paramLabel = "N",
            description = "how often (default " + RESTARTS + ", with --soak " + SOAK_RESTARTS + ")")
    private @Nullable Integer restarts;

    @Option(
            names = "--rate",
            paramLabel = "N",
            description = "requests per second, about (default " + RATE + ", with --soak " + SOAK_RATE + ")")
    private @Nullable Integer rate;

    @Option(
            names = "--soak",
            description =
                    "every kind of request, and exit code 1 also if anything that a generation uses or leaves grows from"
                            + " generation to generation")
    private boolean soak;

    @Option(names = "--seed", paramLabel = "N", description = "the seed of the load (default: a random one, printed)")
    private @Nullable Long seed;

    @Option(
            names = "--shutdown-timeout",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "30s",
            description =
                    "how long what a generation accepted may take to finish; with 0 it is cut, and counted as lost (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration shutdownTimeout;

    @Option(
            names = "--alternate",
            paramLabel = "CLASSPATH",
            description =
                    "that of another build, such as its baton-cli/target/app/baton-cli.jar: every second generation is one of that build")
    private @Nullable String alternate;

    @Option(names = "--verbose", description = "show what the server logs")
    private boolean verbose;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** What one restart took. */
    private record Restarted(Message.Outcome outcome, Duration trigger, long residentKb) {}

    @Override
    public Integer call() throws Exception {
        var out = spec.commandLine().getOut();
        int restarts = this.restarts != null ? this.restarts : soak ? SOAK_RESTARTS : RESTARTS;
        var directory = Files.createTempDirectory("baton-demo");
        var socket = directory.resolve("demo.sock");
        var log = directory.resolve("hello.log");
        var classPath = directory.resolve("classpath");
        write(classPath, OWN_CLASS_PATH);
        var hello = startHello(
                socket,
                verbose ? null : log,
                List.of("@" + classPath),
                "--shutdown-timeout",
                shutdownTimeout.toMillis() + "ms");
        // However this ends, also by Ctrl-C, nothing is left behind.
        var cleanUp = Thread.ofPlatform().unstarted(() -> end(socket, hello, directory));
        Runtime.getRuntime().addShutdownHook(cleanUp);
        var address = awaitStart(socket, hello, log);
        var load = load(address).start();
        out.printf(
                "hello serves on %s:%d; seed %d; %d restarts under load%n",
                address.getHostString(), address.getPort(), load.seed(), restarts);
        if (alternate != null) {
            out.println("every second generation runs " + alternate);
        }
        var restarted = new ArrayList<Restarted>();
        var growth = new Growth();
        try (var progress = new Progress(spec.commandLine().getErr(), load, restarts)) {
            load.phase("warm-up");
            progress.pause(WARM_UP);
            load.phase("steady");
            progress.pause(WARM_UP);
            // A soak that has lost something has failed; its failures are told while their cause can still be seen.
            for (int i = 1; i <= restarts && !(soak && load.snapshot().lost() > 0); i++) {
                progress.restart(i);
                write(classPath, alternate == null || i % 2 == 0 ? OWN_CLASS_PATH : alternate);
                load.phase("restart");
                var trigger = load.elapsed();
                var outcome = Restart.restart(socket, HANDOVER_LIMIT, null);
                restarted.add(new Restarted(
                        outcome,
                        trigger,
                        ProcessStatus.of(Status.status(socket).pid())
                                .residentKb()
                                .orElse(0)));
                load.phase("after");
                progress.pause(BETWEEN.dividedBy(2));
                load.phase("steady");
                if (soak) {
                    var age = Duration.ofMillis(Status.status(socket).uptimeMs());
                    progress.pause(SOAK_AGE.minus(age));
                    growth.add(Growth.Sample.of(socket));
                } else {
                    progress.pause(BETWEEN.dividedBy(2));
                }
            }
        }
        var report = load.stop();
        var failed = restarted.stream().filter(one -> !one.outcome().ok()).count();
        print(out, report, restarted);
        var grown = growth.found();
        if (soak) {
            out.println();
            growth.print(out);
            out.println(grown.isEmpty() ? "nothing grows" : String.join(System.lineSeparator(), grown));
            out.flush();
        }
        Runtime.getRuntime().removeShutdownHook(cleanUp);
        if (report.lost() > 0 || failed > 0 || !grown.isEmpty()) {
            out.printf("the log of the server: %s%n", log);
            end(socket, hello, null);
            return Main.NOT_DONE;
        }
        end(socket, hello, directory);
        return 0;
    }

    private Load.Builder load(InetSocketAddress address) {
        int perSecond = rate != null ? rate : soak ? SOAK_RATE : RATE;
        var load = Load.on(address)
                .seed(seed == null ? new Random().nextLong() : seed)
                .slow(8, Duration.ofMillis(50), Duration.ofMillis(800))
                .upload(6, Duration.ofMillis(50), 64 * 1024, Duration.ofMillis(600));
        // Of new connections no more than the 28,232 ports of a client last for, each blocked for 60 s after its use.
        return soak
                ? load.newConnections(perSecond * 0.27)
                        .keepAlive(Math.max(1, perSecond / 20), Duration.ofMillis(100))
                        .pipeline(Math.max(1, perSecond / 80), Duration.ofMillis(250), 4)
                        .big(4, Duration.ofMillis(50), 1024, Duration.ofMillis(400))
                        .idle(10, Duration.ofMillis(500))
                : load.newConnections(perSecond * 0.45).keepAlive(Math.max(1, perSecond / 20), Duration.ofMillis(100));
    }

    /** A file of arguments (java(1)), which a successor reads anew. */
    private static void write(Path file, String classPath) throws IOException {
        Files.writeString(file, "-cp \"" + classPath.replace("\\", "\\\\") + "\"\n");
    }

    /** The same java with the same class path, as a server of its own. */
    static Process startHello(Path socket, @Nullable Path log) throws IOException {
        return startHello(socket, log, List.of());
    }

    private static Process startHello(Path socket, @Nullable Path log, List<String> options, String... more)
            throws IOException {
        var arguments = new ArrayList<>(List.of("hello", "--address", "127.0.0.1:0", "--name", "demo"));
        arguments.addAll(List.of("--control-socket", socket.toString()));
        arguments.addAll(
                List.of("--pid-file", socket.resolveSibling("hello.pid").toString()));
        arguments.addAll(List.of(more));
        // What it leaves behind is left there, and seen.
        var all = new ArrayList<>(options);
        all.add("-Djava.io.tmpdir=" + socket.getParent());
        return start(log, all, arguments);
    }

    /** A command of this program in a process of its own, that logs where this one does if no file is named. */
    static Process start(@Nullable Path log, String... arguments) throws IOException {
        return start(log, List.of(), List.of(arguments));
    }

    private static Process start(@Nullable Path log, List<String> options, List<String> arguments) throws IOException {
        var self = LaunchSpec.ofThisProcess().command();
        // Of two class paths java takes the later one.
        var command = new ArrayList<>(self.subList(0, self.indexOf(Main.class.getName())));
        command.addAll(options);
        command.add(Main.class.getName());
        command.addAll(arguments);
        var builder = new ProcessBuilder(command);
        return log == null
                ? builder.inheritIO().start()
                : builder.redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                        .start();
    }

    static InetSocketAddress awaitStart(Path socket, Process hello, Path log) throws Exception {
        var end = System.nanoTime() + START_LIMIT.toNanos();
        while (System.nanoTime() < end) {
            if (Files.exists(socket)) {
                var status = Status.status(socket);
                if (status.state().equals("serving")) {
                    var addr = status.listeners().getFirst().addr();
                    return (InetSocketAddress) BatonConfig.parseAddress(addr);
                }
            }
            if (hello.waitFor(20, TimeUnit.MILLISECONDS)) {
                break;
            }
        }
        throw new Main.Refusal(
                Main.NOT_DONE, "hello did not start within " + START_LIMIT.toSeconds() + " s; its log is " + log);
    }

    static void end(Path socket, Process first, @Nullable Path directory) {
        try {
            var last = ProcessHandle.of(Status.status(socket).pid());
            last.ifPresent(ProcessHandle::destroy);
            last.ifPresent(one ->
                    one.onExit().completeOnTimeout(one, 5, TimeUnit.SECONDS).join());
            last.filter(ProcessHandle::isAlive).ifPresent(ProcessHandle::destroyForcibly);
        } catch (Main.Refusal e) {
            first.destroyForcibly();
        }
        if (directory != null) {
            try (var files = Files.walk(directory)) {
                for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(file);
                }
            } catch (IOException e) {
                // A directory in /tmp may stay.
            }
        }
    }

    private static void print(PrintWriter out, Report report, List<Restarted> restarted) {
        out.println();
        out.printf(
                "%-34s %,12d   (%,.0f per second)%n",
                "requests",
                report.requests(),
                report.requests() / (report.elapsed().toMillis() / 1000.0));
        for (var outcome : Outcome.values()) {
            if (outcome.isLost() && report.count(outcome) > 0) {
                out.printf(
                        "  %-32s %,12d%n",
                        outcome.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '), report.count(outcome));
            }
        }
        out.printf("%-34s %,12d%n", "failed", report.lost());
        out.printf(
                "%-34s %,12d   (moved to a successor: %,d)%n",
                "connections closed by restarts",
                report.closedWithNotice() + report.closedWithoutNotice(),
                restarted.stream()
                        .mapToLong(
                                one -> Objects.requireNonNullElse(one.outcome().moved(), 0L))
                        .sum());
        out.printf("%-34s %,12d%n", "  with notice", report.closedWithNotice());
        out.printf("%-34s %,12d%n", "  without notice", report.closedWithoutNotice());
        out.println();
        out.printf("%-25s %11s %11s %11s %11s %12s%n", "latency", "p50", "p99", "p99.9", "max", "requests");
        for (var phase : report.phases()) {
            if (!phase.name().equals("warm-up") && !phase.name().equals("all")) {
                latency(out, phase);
            }
        }
        ratios(out, report);
        out.println();
        var answers = new ArrayList<Duration>();
        for (var one : restarted) {
            report.generations().stream()
                    .filter(generation -> generation.number() == one.outcome().toGeneration())
                    .forEach(generation -> answers.add(generation.first().minus(one.trigger())));
        }
        times(out, "trigger to first answer", answers);
        times(out, "trigger to ready", ms(restarted, one -> one.outcome().readyMs()));
        times(out, "trigger to end of drain", ms(restarted, one -> one.outcome().totalMs()));
        var memory = restarted.stream().mapToLong(Restarted::residentKb).summaryStatistics();
        if (!restarted.isEmpty()) {
            out.printf(
                    "%-26s first %d MiB, last %d MiB, most %d MiB%n",
                    "memory of a generation",
                    restarted.getFirst().residentKb() / 1024,
                    restarted.getLast().residentKb() / 1024,
                    memory.getMax() / 1024);
        }
        var done = restarted.stream().filter(one -> one.outcome().ok()).count();
        out.printf("%-26s %d of %d%n", "restarts", done, restarted.size());
        restarted.stream()
                .filter(one -> !one.outcome().ok())
                .forEach(one -> out.println("  " + one.outcome().reason()));
        report.failures().stream().limit(10).forEach(failure -> out.println("  " + failure));
        out.println(report.lost() == 0 && done == restarted.size() ? "nothing lost" : "SOMETHING WAS LOST");
        out.flush();
    }

    private static List<Duration> ms(
            List<Restarted> restarted, java.util.function.Function<Restarted, @Nullable Long> of) {
        var all = new ArrayList<Duration>();
        for (var one : restarted) {
            var value = of.apply(one);
            if (value != null) {
                all.add(Duration.ofMillis(value));
            }
        }
        return all;
    }

    /** Only requests that are answered at once: what a slow request takes is its own business. */
    private static void latency(PrintWriter out, Phase phase) {
        for (var mode : List.of(Mode.NEW, Mode.KEEP_ALIVE)) {
            Latency latency = phase.modes().get(mode);
            if (latency != null) {
                out.printf(
                        "%-9s %-15s %8.2f ms %8.2f ms %8.2f ms %8.2f ms %,12d%n",
                        phase.name(),
                        mode == Mode.NEW ? "new connection" : "keep-alive",
                        millis(latency.percentile(50)),
                        millis(latency.percentile(99)),
                        millis(latency.percentile(99.9)),
                        millis(latency.max()),
                        latency.count());
            }
        }
    }

    /** What a restart costs those who ask meanwhile. */
    private static void ratios(PrintWriter out, Report report) {
        var phases = report.phases().stream().collect(Collectors.toMap(Phase::name, phase -> phase));
        var steady = phases.get("steady");
        var restart = phases.get("restart");
        if (steady == null || restart == null) {
            return;
        }
        for (var mode : List.of(Mode.NEW, Mode.KEEP_ALIVE)) {
            var before = steady.modes().get(mode);
            var meanwhile = restart.modes().get(mode);
            if (before != null && meanwhile != null) {
                out.printf(
                        "%-9s %-15s %8.1f x  %8.1f x  %8.1f x%n",
                        "restart /",
                        mode == Mode.NEW ? "steady, new" : "kept alive",
                        ratio(meanwhile, before, 50),
                        ratio(meanwhile, before, 99),
                        ratio(meanwhile, before, 99.9));
            }
        }
    }

    private static double ratio(Latency one, Latency other, double percent) {
        return millis(one.percentile(percent)) / millis(other.percentile(percent));
    }

    private static void times(PrintWriter out, String what, List<Duration> times) {
        if (!times.isEmpty()) {
            var sorted = times.stream().sorted().toList();
            out.printf(
                    "%-26s median %.0f ms, most %.0f ms%n",
                    what, millis(sorted.get(sorted.size() / 2)), millis(sorted.getLast()));
        }
    }

    private static double millis(Duration time) {
        return time.toNanos() / 1e6;
    }

    /** The line that shows that something happens: rewritten in a terminal, one a restart elsewhere. */
    private static final class Progress implements AutoCloseable {
        private static final long EVERY_MS = 200;

        private final PrintWriter err;
        private final Load load;
        private final int restarts;
        private final boolean terminal = isTerminal(System.console());
        private final CountDownLatch closed = new CountDownLatch(1);
        private final Thread thread;
        private volatile int restart;

        Progress(PrintWriter err, Load load, int restarts) {
            this.err = err;
            this.load = load;
            this.restarts = restarts;
            this.thread = Thread.ofPlatform().daemon().start(this::run);
        }

        void restart(int number) {
            restart = number;
            if (!terminal) {
                err.println(line(load.snapshot()));
            }
        }

        /** Lets the load run. */
        void pause(Duration time) throws InterruptedException {
            var _ = closed.await(time.toMillis(), TimeUnit.MILLISECONDS);
        }

        private void run() {
            try {
                while (terminal && !closed.await(EVERY_MS, TimeUnit.MILLISECONDS)) {
                    err.print("\r" + line(load.snapshot()) + "\033[K");
                    err.flush();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private static boolean isTerminal(@Nullable Console console) {
            return console != null && console.isTerminal();
        }

        private String line(Snapshot now) {
            return "%5.1f s  restart %d of %d  generation %d  %s  answered %,d  in flight %d  lost %d"
                    .formatted(
                            now.elapsed().toMillis() / 1000.0,
                            restart,
                            restarts,
                            now.generation(),
                            now.phase(),
                            now.answered(),
                            now.inFlight(),
                            now.lost());
        }

        @Override
        public void close() {
            closed.countDown();
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (terminal) {
                err.print("\r\033[K");
                err.flush();
            }
        }
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import dev.baton.control.Message;
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import dev.baton.load.Load;
import dev.baton.load.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every fault at every step of a handover, under load. Whatever happens: one process serves afterwards and is who the pid file
 * says, no request is lost but those a dead process had accepted, whoever asked learns how it ended, an incumbent that stays has
 * no more descriptors open for handovers than before, the next restart succeeds, and nothing is left behind.
 *
 * <p>A new fault is a line of {@link Fault}, a new step one of {@link Step}, a new shape one of {@link Shape}. All of them take a while:
 * {@code -Dbaton.failures=all}, which also writes {@code docs/failures.md}; another value is a pattern for {@link Case}, and
 * {@code -Dbaton.failures.write=true} writes their rows.
 * {@code -Dbaton.failures.some=40} draws forty; the seed is printed, and {@code -Dbaton.seed} repeats it.
 */
@Timeout(180)
@Execution(ExecutionMode.CONCURRENT)
class FailuresIT {
    private static final boolean ALL = "all".equals(System.getProperty("baton.failures"));

    /** What each build does; the rest takes a while. */
    private static final String FEW = "Case.(BY_ITSELF, INCUMBENT_KILLED, (JOINED|READY)"
            + "|BY_ITSELF, THROWS, PREPARED|BY_ITSELF, LOG_STUCK, STARTED|SUPERVISED, EXITS, STARTED"
            + "|AGENT, INCUMBENT_KILLED, READY|AGENT_SUPERVISED, IS_KILLED, LISTENING).";

    private static final Duration CHILD_TIMEOUT = Duration.ofSeconds(8);
    private static final Duration SHUTDOWN_TIMEOUT = Duration.ofSeconds(15);

    /** Longer than a cold JVM takes to its first answers: whatever happens then happens within it. */
    private static final Duration WATCH = Duration.ofMillis(1500);

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration WALK = Duration.parse(System.getProperty("baton.walk", "PT1S"));
    private static final Path DOCUMENT = Path.of("../docs/failures.md");
    private static final String BEGIN = "<!-- The table is written by FailuresIT. -->\n";
    private static final String END = "<!-- End of the table. -->\n";

    /** What goes wrong, from the first step at which it can to the last. */
    enum Fault {
        EXITS("the successor exits", Deed.EXIT, Step.STARTED, Step.HOLDING),
        CRASHES("the successor halts", Deed.CRASH, Step.STARTED, Step.HOLDING),
        IS_KILLED("the successor is killed (SIGKILL)", Deed.KILL_ITSELF, Step.STARTED, Step.HOLDING),
        // Later it would be a server that hangs in the middle of a request, which is no affair of a handover.
        HANGS("the successor hangs", Deed.HANG, Step.STARTED, Step.ACCEPTING),
        FAILS("the successor says that it cannot serve", Deed.FAIL, Step.JOINED, Step.PREPARED),
        THROWS("the successor throws an exception", Deed.THROW, Step.STARTED, Step.SWITCHING),
        LIES("the successor tells lies", Deed.LIE, Step.STARTED, Step.STARTED),
        DAWDLES(
                "the successor tells progress for three times the child time-out",
                Deed.DAWDLE,
                Step.JOINED,
                Step.PREPARED),
        IS_SUSPENDED("the successor is stopped for 9 s (SIGSTOP)", Deed.SUSPEND_ITSELF, Step.STARTED, Step.HOLDING),
        HAS_NO_DESCRIPTOR("the successor has no descriptor left", Deed.EXHAUST_DESCRIPTORS, Step.STARTED, Step.JOINED),
        HAS_NO_MEMORY(
                "the successor gets no more memory for 9 s (RLIMIT_AS)",
                Deed.EXHAUST_MEMORY,
                Step.STARTED,
                Step.LISTENING),
        INCUMBENT_KILLED("the incumbent is killed (SIGKILL)", Deed.KILL_INCUMBENT, Step.STARTED, Step.HOLDING),
        INCUMBENT_SUSPENDED(
                "the incumbent is stopped for 9 s (SIGSTOP)", Deed.SUSPEND_INCUMBENT, Step.STARTED, Step.HOLDING),
        STORM("50 times SIGHUP to the incumbent", Deed.STORM_INCUMBENT, Step.STARTED, Step.HOLDING),
        NONSENSE("nonsense on the control socket", Deed.TALK_NONSENSE, Step.STARTED, Step.HOLDING),
        FUTURE(
                "a frame of a future version on the control socket",
                Deed.TALK_OF_THE_FUTURE,
                Step.STARTED,
                Step.HOLDING),
        UNLINKED("the file of the control socket is deleted", Deed.UNLINK_SOCKET, Step.STARTED, Step.HOLDING),
        LOG_STUCK("nobody reads the log for 9 s, and it is full", Deed.BLOCK_LOG, Step.STARTED, Step.HOLDING),
        SUPERVISOR_KILLED("the supervisor is killed (SIGKILL)", Deed.KILL_SUPERVISOR, Step.STARTED, Step.HOLDING),
        // Later nobody else is left, and a supervisor that is started meanwhile finds nobody.
        FORSAKEN(
                "the successor is stopped for 9 s (SIGSTOP), and the supervisor is killed meanwhile",
                Deed.SUSPEND_ITSELF_AND_KILL_SUPERVISOR,
                Step.STARTED,
                Step.ANSWERING),
        SUPERVISOR_SUSPENDED(
                "the supervisor is stopped for 9 s (SIGSTOP)", Deed.SUSPEND_SUPERVISOR, Step.STARTED, Step.HOLDING),
        SUPERVISOR_STORM("50 times SIGHUP to the supervisor", Deed.STORM_SUPERVISOR, Step.STARTED, Step.HOLDING);

        private final String words;
        private final Deed deed;
        private final Step first;
        private final Step last;

        Fault(String words, Deed deed, Step first, Step last) {
            this.words = words;
            this.deed = deed;
            this.first = first;
            this.last = last;
        }

        private Stream<Case> cases() {
            return Stream.of(Shape.values())
                    .filter(this::concerns)
                    .flatMap(shape -> Stream.of(Step.values())
                            .filter(step -> step.compareTo(first) >= 0 && step.compareTo(last) <= 0)
                            .filter(step -> !shape.isUnmodified || PlainApp.STEPS.contains(step))
                            .map(step -> new Case(shape, this, step)));
        }

        private boolean concerns(Shape shape) {
            return switch (this) {
                case SUPERVISOR_KILLED, FORSAKEN, SUPERVISOR_SUSPENDED, SUPERVISOR_STORM -> shape.isSupervised;
                case STORM -> !shape.isSupervised; // SIGHUP to a generation is none of its supervisor's
                case FAILS, LIES, DAWDLES, NONSENSE, FUTURE -> !shape.isUnmodified; // it takes words of Baton
                default -> true;
            };
        }
    }

    /** How generations follow each other, and whether it is the agent that speaks for them. */
    enum Shape {
        BY_ITSELF("by itself", false, false),
        SUPERVISED("supervised", true, false),
        AGENT("agent", false, true),
        AGENT_SUPERVISED("agent, supervised", true, true);

        private final String words;
        private final boolean isSupervised;
        private final boolean isUnmodified;

        Shape(String words, boolean isSupervised, boolean isUnmodified) {
            this.words = words;
            this.isSupervised = isSupervised;
            this.isUnmodified = isUnmodified;
        }
    }

    record Case(Shape shape, Fault fault, Step step) {
        @Override
        public String toString() {
            return "Case(%s, %s, %s)".formatted(shape, fault, step);
        }

        /** What begins its row of the table. */
        String cells() {
            return "| %s | %s | %s |"
                    .formatted(shape.words, fault.words, step.name().toLowerCase(Locale.ROOT));
        }

        /** Whether a process dies that may have accepted connections. */
        boolean isDeathOfAServer() {
            return switch (fault.deed) {
                case KILL_INCUMBENT -> true;
                case EXIT, CRASH, KILL_ITSELF -> step.compareTo(Step.READY) >= 0;
                default -> false;
            };
        }

        /** Whether nobody has the listener any more, unless the successor binds anew. */
        boolean isDeathOfTheOnlyListener() {
            return !shape.isSupervised && fault.deed == Deed.KILL_INCUMBENT && step.compareTo(Step.LISTENING) < 0;
        }
    }

    private record Result(Case of, String serves, String told, long lost) {
        String row() {
            return "%s %s | %s | %d |"
                    .formatted(
                            of.cells(),
                            serves,
                            told.replaceAll("pid \\d+", "pid N").replace("|", "\\|"),
                            lost);
        }
    }

    /** What came of each case that was begun; nothing of one that failed. */
    private static final Map<Case, Optional<Result>> RESULTS = new ConcurrentHashMap<>();

    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    private static Stream<Case> everyCase() {
        return Stream.of(Fault.values()).flatMap(Fault::cases);
    }

    static List<Case> cases() {
        var some = Integer.getInteger("baton.failures.some");
        var chosen = System.getProperty("baton.failures", FEW);
        var all = new ArrayList<>(everyCase()
                .filter(one -> ALL || some != null || one.toString().matches(chosen))
                .toList());
        if (some == null) {
            return all;
        }
        var seed = Long.getLong("baton.seed", System.nanoTime());
        System.out.println("failures with seed " + seed);
        Collections.shuffle(all, new Random(seed));
        return all.subList(0, some);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void shouldLoseNothingThatCouldBeSaved(Case one) throws Exception {
        RESULTS.put(one, Optional.empty());
        try (var app = in(one.shape()).start()) {
            RESULTS.put(one, Optional.of(happen(one, app)));
        }
    }

    /** One deployment to which one fault happens after the other, {@code -Dbaton.walk=PT4H} for as long as that. */
    @ParameterizedTest
    @EnumSource
    @Timeout(value = 1, unit = TimeUnit.DAYS)
    void shouldSurviveWhateverComesNext(Shape shape) throws Exception {
        var seed = Long.getLong("baton.seed", 1);
        System.out.println("walk " + shape + " with seed " + seed);
        var random = new Random(seed);
        var all = everyCase().filter(one -> one.shape() == shape).toList();
        try (var app = in(shape).start()) {
            var end = Deadline.after(WALK);
            for (int i = 1; !end.isPassed(); i++) {
                var one = all.get(random.nextInt(all.size()));
                System.out.println("walk " + shape + ", step " + i + ": " + happen(one, app));
            }
        }
    }

    /** Lets one fault happen during a restart under load, and checks what must hold then. */
    private static Result happen(Case one, Deployment app) throws Exception {
        System.out.println(one);
        try (var load = app.load().start()) {
            var begin = System.nanoTime();
            var incumbent = app.generations().getFirst().pid();
            Deployment.awaitAnswers(load, 50);
            var open = Deployment.descriptorsOfHandovers(incumbent);
            app.next(one.fault().deed, one.step());

            var told = told(app);
            if (one.fault() == Fault.LOG_STUCK) {
                assertThat(told).as("a log is no reason to call a handover off").isEqualTo("handed over");
            }
            app.nextBehaves();
            if (one.fault() == Fault.SUPERVISOR_KILLED || one.fault() == Fault.FORSAKEN) {
                await().atMost(LIMIT).alias("the death of the supervisor").until(() -> !app.isKept());
                app.keepAgain();
            }

            var heir = settled(app);
            await().atMost(LIMIT).ignoreExceptions().until(() -> app.pid() == heir && answers(app, heir));
            if (heir == incumbent) {
                await().atMost(LIMIT)
                        .untilAsserted(() -> assertThat(Deployment.descriptorsOfHandovers(heir))
                                .allSatisfy((kind, count) -> assertThat(count)
                                        .as("%s, of %s before", kind, open)
                                        .isLessThanOrEqualTo(open.getOrDefault(kind, 0))));
            }
            app.signal("HUP");
            await().atMost(LIMIT).ignoreExceptions().until(() -> app.pid() != heir && settled(app) == app.pid());

            Deployment.awaitAnswers(load, 50);
            return new Result(
                    one,
                    heir == incumbent ? "the incumbent" : "the successor",
                    told,
                    lost(app, load, one, begin).lost());
        }
    }

    /** Returns when one generation is left, serves, and can be restarted. {@return its pid} */
    private static long settled(Deployment app) throws IOException {
        await().atMost(LIMIT).untilAsserted(() -> assertThat(app.generations()).hasSize(1));
        await().atMost(LIMIT)
                .ignoreExceptions()
                .until(() -> app.generations().size() == 1
                        && app.status().phase().equals("idle")
                        && app.status().state().equals("serving"));
        return app.generations().getFirst().pid();
    }

    private Deployment.Builder in(Shape shape) throws IOException {
        var builder = Deployment.in(directory)
                .logThroughPipe()
                .option("-Dslf4j.internal.verbosity=ERROR") // a line the application writes is written by whom it stops
                .option("-Daddress=127.0.0.1:" + Supervised.freePort())
                .set("childTimeout", CHILD_TIMEOUT)
                .set("readyTimeout", CHILD_TIMEOUT.multipliedBy(4))
                .set("watch", WATCH)
                .set("shutdownTimeout", SHUTDOWN_TIMEOUT);
        if (shape.isUnmodified) {
            builder.unmodified().option("-Dsun.net.httpserver.nodelay=true");
        }
        return shape.isSupervised ? builder.supervised() : builder;
    }

    /** Asks for a restart. {@return how it ended, in the words of the answer} */
    private static String told(Deployment app) throws InterruptedException {
        try {
            return switch (app.restarting().get(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                case Message.Outcome outcome when outcome.ok() -> "handed over";
                case Message.Outcome outcome -> String.valueOf(outcome.reason());
            };
        } catch (ExecutionException e) {
            return "nothing: the connection ended";
        } catch (java.util.concurrent.TimeoutException e) {
            throw new AssertionError("whoever asked for the restart was told nothing in " + LIMIT, e);
        }
    }

    private static boolean answers(Deployment app, long pid) throws IOException {
        try (var client = app.connect()) {
            return Long.toString(pid).equals(client.get("/").expectAnswer(200).header("X-Pid"));
        }
    }

    private static Report lost(Deployment app, Load load, Case one, long begin) throws IOException {
        if (one.isDeathOfTheOnlyListener()) {
            return load.stop();
        }
        if (one.isDeathOfAServer()) {
            var fault = "fault " + one.fault().deed + " " + one.step();
            var kill = app.history(fault).stream()
                    .filter(note -> note.nanos() >= begin)
                    .findFirst();
            if (kill.isPresent()) {
                return app.assertLostOnlyByTheKill(load, kill.get().nanos());
            }
        }
        var report = load.stop();
        assertThat(report.lost()).as("lost requests\n%s", report.toTable()).isZero();
        return report;
    }

    /** What was run takes the place of what stood there; the rest of the table stays as it was. */
    @AfterAll
    static void write() throws IOException {
        if (!ALL && !Boolean.getBoolean("baton.failures.write")) {
            return;
        }
        var document = Files.readString(DOCUMENT);
        var before = document.substring(document.indexOf(BEGIN), document.indexOf(END))
                .lines()
                .toList();
        var every = everyCase()
                .sorted(Comparator.comparing(Case::shape)
                        .thenComparing(Case::fault)
                        .thenComparing(Case::step))
                .toList();
        var rows = every.stream()
                .flatMap(one -> RESULTS.containsKey(one)
                        ? RESULTS.get(one).map(Result::row).stream()
                        : before.stream().filter(line -> line.startsWith(one.cells())))
                .toList();
        var head = "%d of %d cases passed, the last of them on %s, Java %s, Linux %s."
                .formatted(
                        rows.size(),
                        every.size(),
                        LocalDate.now(ZoneOffset.UTC),
                        Runtime.version(),
                        System.getProperty("os.version").replaceAll("-.*", ""));
        var table = Stream.concat(
                        Stream.of(
                                head,
                                "",
                                "| shape | fault | at | serves afterwards | whoever asked was told | lost |",
                                "|---|---|---|---|---|---|"),
                        rows.stream())
                .collect(Collectors.joining("\n", "", "\n"));
        Files.writeString(
                DOCUMENT,
                document.substring(0, document.indexOf(BEGIN) + BEGIN.length())
                        + table
                        + document.substring(document.indexOf(END)));
    }
}

package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.Predecessor;
import dev.baton.handover.Guardian;
import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Listeners;
import dev.baton.linux.NativeAccess;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Takes part on behalf of an application that knows nothing of Baton.
 *
 * <p><b>First generation.</b> The application binds and listens by itself. A thread of ours joins meanwhile, off the way of
 * the application's start, and is told of each listener on a fixed port. Once all of them are armed, that is, an event loop
 * or a thread waits there, this generation is ready.
 *
 * <p><b>Successor.</b> A bind to an address the incumbent offers is answered with its listener, which is fenced before the
 * application can accept: it becomes armed on a private listener. When all that was offered is armed, or some of it is and
 * nothing more was bound for {@link #SETTLE}, this generation is ready; the switch takes the fence away.
 *
 * <p>Ports the application leaves to the system (port 0) are its own affair: they are neither offered nor fenced.
 */
public final class Agent {
    /** For so long an application that has bound some of the listeners may take to bind another. */
    private static final Duration SETTLE = Duration.ofSeconds(5);

    /** So long an application that uses Baton itself has to join, unless it opens a listener before. */
    private static final Duration JOIN_AFTER = Duration.ofSeconds(5);

    /** More than joining takes when nobody answers. */
    private static final Duration JOIN_LIMIT = Duration.ofSeconds(25);

    /** More than a process takes to close what it has open, once it is killed. */
    private static final Duration RELEASE_LIMIT = Duration.ofSeconds(5);

    /** More than it takes to be ready to follow what goes over connections. */
    private static final Duration FOLLOW_LIMIT = Duration.ofSeconds(10);

    /** What the application's own stop is given at least. */
    private static final Duration LAST_GRACE = Duration.ofSeconds(3);

    private static final long LOOK_EVERY_MS = 20;

    private final BatonConfig config;
    private final @Nullable Health health;
    private final int warmUp;
    private final @Nullable ReadyLine line;
    private final Instrumentation instrumentation;
    private final NativeTransports transports;

    /** Asked here and not of the room that knows more: that would load half of Baton on the way to {@code main}. */
    private final boolean maySucceed = System.getenv("BATON_TOKEN") != null;

    private final Options.Move move;
    private final Injection injection = new Injection();
    private final Application application;
    private final CompletableFuture<Guardian.Ward> joined = new CompletableFuture<>();
    private final Map<Integer, SocketAddress> bound = new ConcurrentHashMap<>();
    private final Map<Integer, Listening.Adopted> adopted = new ConcurrentHashMap<>();
    private final Map<String, Listening> taken = new ConcurrentHashMap<>();
    private final LinkedBlockingQueue<Opened> opened = new LinkedBlockingQueue<>();
    private final CompletableFuture<Traffic> following = new CompletableFuture<>();
    private final AtomicBoolean guarded = new AtomicBoolean();
    private final CountDownLatch isNeeded = new CountDownLatch(1);
    private volatile boolean standsBack;

    /** Why the last bind failed; empty when it did not. */
    private volatile String refusal = "";

    private volatile long lastBindNanos = System.nanoTime();

    /** A listener the application has opened by itself. */
    private record Opened(int number, SocketAddress address) {}

    /** This generation cannot be what it was started for; the incumbent is told why. */
    private static final class CannotServe extends IOException {
        private static final long serialVersionUID = 1L;

        CannotServe(String reason) {
            super(reason);
        }
    }

    private Agent(Options options, Instrumentation instrumentation) {
        this.config = options.config();
        this.health = options.health();
        this.warmUp = options.warmUp();
        this.line = options.line() == null ? null : new ReadyLine(options.line());
        this.move = options.move();
        this.instrumentation = instrumentation;
        this.application = new Application(injection, instrumentation);
        this.transports = new NativeTransports(instrumentation);
    }

    NativeTransports transports() {
        return transports;
    }

    /**
     * Starts the agent. Called by {@link Isolated}.
     *
     * @param options see {@link Options}
     * @param instrumentation what the JVM lends
     * @throws Exception if the agent cannot work in this JVM
     */
    public static void start(String options, Instrumentation instrumentation) throws Exception {
        if (Options.isSupervised(options)) {
            var reason = Bystander.reason(System.getenv());
            if (reason.isPresent()) {
                if (reason.get().equals(Bystander.TAKES_PART)) {
                    System.err.println("baton: " + reason.get() + "; the agent stands back. If it does not call"
                            + " Baton.join, take the library off its class path");
                }
                return;
            }
        }
        var agent = new Agent(Options.parse(options, System.getenv()), instrumentation);
        try {
            Hook.install(instrumentation, agent);
            if (agent.maySucceed) {
                agent.guardFiles();
            }
            if (agent.line != null) {
                agent.line.listen(instrumentation);
            }
        } catch (Throwable e) {
            agent.joined.completeExceptionally(e);
            throw e;
        }
        Thread.ofPlatform().daemon().name("baton-agent").start(agent::run);
    }

    // ---- called by the application's threads, from within the JDK

    boolean adopt(int number, SocketAddress address) {
        try {
            lastBindNanos = System.nanoTime();
            isNeeded.countDown();
            if (maySucceed) {
                var ward = joined.get(JOIN_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
                for (var name = free(ward, address); name.isPresent(); name = Optional.empty()) {
                    if (!Listeners.isStream(new BorrowedDescriptor(number))) {
                        return false; // UDP on the same port
                    }
                    var inherited = ward.take(name.get());
                    if (inherited.isPresent()) {
                        var result = Listening.adopt(name.get(), number, inherited.get());
                        adopted.put(number, result);
                        taken.put(name.get(), result.listening());
                        return true;
                    }
                }
            }
        } catch (IOException | ExecutionException | TimeoutException | RuntimeException e) {
            // The application binds by itself, and is told by the system if that cannot be.
            if (standsBack) {
                return false;
            }
            LOG.log(System.Logger.Level.WARNING, "cannot take over {0}: {1}", address, e.getMessage());
            awaitReleased(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        bound.put(number, address);
        return false;
    }

    /** An incumbent that dies closes the link before it lets go of the listener, which is bound anew here. */
    private void awaitReleased(Exception why) {
        if (!(why instanceof IOException) || !joined.isDone() || joined.isCompletedExceptionally()) {
            return;
        }
        var incumbent =
                ((Baton) joined.join()).predecessor().map(Predecessor::pid).orElse(0L);
        var end = System.nanoTime() + RELEASE_LIMIT.toNanos();
        while (hasOpen(incumbent) && System.nanoTime() < end) {
            LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
        }
    }

    private static boolean hasOpen(long pid) {
        try (var entries = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            return entries.iterator().hasNext();
        } catch (IOException e) {
            return false;
        }
    }

    private Optional<String> free(Guardian.Ward ward, SocketAddress address) {
        var name = Listening.name(address);
        return ward.inheritable().stream()
                .filter(offered -> offered.equals(name) || offered.startsWith(name + "#"))
                .filter(offered ->
                        !taken.containsKey(offered) || !taken.get(offered).isOpen())
                .findFirst();
    }

    void fence(int number, int backlog) {
        var waiting = adopted.get(number);
        if (waiting == null) {
            return;
        }
        try {
            waiting.listening().fence(waiting.isNonBlocking(), backlog);
            watch(number, waiting.listening().address());
            application.add(waiting.listening());
            adopted.remove(number);
            refusal = "";
        } catch (IOException | RuntimeException e) {
            throw Application.unchecked("cannot keep " + waiting.listening() + " from accepting too early", e);
        }
    }

    /** Whether a file must stay though the application deletes it: that of a listener which is not, or not any more, its own. */
    private boolean stays(String path) {
        // Our own threads, on which the answer may wait, delete what is theirs.
        if (Thread.currentThread().getName().startsWith("baton")) {
            return false;
        }
        var file = Path.of(path).toAbsolutePath();
        if (application.isForeign(file)) {
            return true;
        }
        var name = Listening.name(UnixDomainSocketAddress.of(file));
        if (!maySucceed || taken.containsKey(name) || !isSocket(file)) {
            return false;
        }
        try {
            isNeeded.countDown();
            return joined.get(JOIN_LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                    .inheritable()
                    .contains(name);
        } catch (ExecutionException | TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static boolean isSocket(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .isOther();
        } catch (IOException e) {
            return false;
        }
    }

    boolean isAdopted(int number) {
        return adopted.containsKey(number) || application.isFenced(number);
    }

    void refused(int number, String why) {
        var address = bound.remove(number);
        if (address != null) {
            lastBindNanos = System.nanoTime();
            refusal = "the application could not bind " + Listening.name(address) + ": " + why;
        }
    }

    void listening(int number) {
        var address = bound.remove(number);
        if (address != null) {
            refusal = "";
            isNeeded.countDown();
            watch(number, address);
            opened.add(new Opened(number, address));
        }
    }

    /** On the thread that opens the listener, before it accepts: what goes over its connections is followed from now on. */
    private void watch(int number, SocketAddress address) {
        if (move == Options.Move.OFF
                || !(address instanceof InetSocketAddress)
                || (move == Options.Move.AUTO && !Movable.isOpening())) {
            return;
        }
        try {
            var traffic = following.get(FOLLOW_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            if (NativeTransports.isOpening()) {
                transports.follow();
            }
            traffic.watch(number);
            injection.uses(traffic);
            application.follow(traffic);
        } catch (ExecutionException
                | TimeoutException
                | ReflectiveOperationException
                | IOException
                | RuntimeException
                | LinkageError e) {
            var reason = e instanceof TimeoutException
                    ? "it takes more than " + FOLLOW_LIMIT.toSeconds() + " s to prepare for that"
                    : e.getMessage(); // names the cause
            LOG.log(
                    System.Logger.Level.WARNING,
                    "live connections will be drained and not go to a successor: {0}",
                    reason);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Prepares to follow what goes over connections, while the application has not come to open a listener yet. */
    private void follow() {
        if (move == Options.Move.OFF) {
            return;
        }
        try {
            following.complete(Traffic.install(instrumentation, injection::accepted, new Plaintext(instrumentation)));
        } catch (ReflectiveOperationException | IOException | RuntimeException | LinkageError e) {
            following.completeExceptionally(e);
        }
    }

    // ---- the agent's own thread

    private void run() {
        try {
            if (maySucceed) {
                NativeAccess.prepare();
            }
            follow();
            var patience = Math.min(JOIN_AFTER.toMillis(), config.childTimeout().toMillis() / 4);
            var _ = isNeeded.await(patience, TimeUnit.MILLISECONDS);
            if (System.getProperty(Guardian.JOINED) != null) {
                standsBack = true;
                throw new IOException("the application takes part by itself");
            }
            var baton = Baton.join(config);
            var ward = (Guardian.Ward) baton;
            ward.entrust(application);
            baton.attach(application);
            Runtime.getRuntime()
                    .addShutdownHook(
                            Thread.ofPlatform().name("baton-agent-exit").unstarted(this::exiting));
            joined.complete(ward);
            try {
                awaitArmed(baton, ward);
            } catch (CannotServe e) {
                baton.failed(String.valueOf(e.getMessage()));
                return;
            }
            baton.ready();
            while (true) {
                register(opened.take());
                ward.opened();
            }
        } catch (IOException | RuntimeException | Error e) {
            joined.completeExceptionally(e);
            if (standsBack) {
                LOG.log(System.Logger.Level.INFO, "{0}; the agent stands back", e.getMessage());
                return;
            }
            System.err.println("baton: this process runs without Baton and cannot be restarted by it: "
                    + (e.getMessage() == null ? e : e.getMessage()));
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; it ends with the process.
        }
    }

    private void awaitArmed(Baton baton, Guardian.Ward ward) throws IOException, InterruptedException {
        var told = "";
        var signs = new SignsOfLife(config.childTimeout());
        int requests = baton.predecessor().isPresent() ? warmUp : 0; // nobody waits until the first one is ready
        var warming = new WarmUp(requests);
        while (true) {
            var next = opened.poll(LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
            if (next != null) {
                register(next);
            }
            var state = state(ward);
            if (state.isEmpty() && line != null) {
                state = line.awaited();
            }
            if (state.isEmpty()) {
                state = unhealthy();
            }
            if (state.isEmpty()) {
                state = warming.turn(this::unhealthy);
            }
            if (state.isEmpty()) {
                if (warming.asked() < requests) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "warmed up with {0} of {1} requests in {2} s; ready all the same",
                            Integer.toString(warming.asked()),
                            Integer.toString(requests),
                            Long.toString(WarmUp.LIMIT.toSeconds()));
                }
                return;
            }
            if (!state.equals(told) || signs.areDue()) {
                told = state;
                baton.progress(state);
            }
        }
    }

    private String unhealthy() throws IOException {
        if (health == null) {
            return "";
        }
        for (var listening : application.present()) {
            var at = listening.reachable();
            if (at != null
                    && (health.port() == 0 || ((InetSocketAddress) listening.address()).getPort() == health.port())) {
                return health.ask(at);
            }
        }
        return "waiting for the application to bind a port to ask for " + health.path();
    }

    /** {@return what is still to come, in words for an operator; empty when this generation is ready} */
    private String state(Guardian.Ward ward) throws IOException {
        var open = application.present();
        var isSettled = System.nanoTime() - lastBindNanos > SETTLE.toNanos();
        var unarmed = application.unarmed();
        if (!unarmed.isEmpty()) {
            if (!Rings.accept() && !(isSettled && Rings.exist())) {
                return "bound " + String.join(", ", unarmed) + ", not armed yet";
            }
            // A first generation can serve so, though not be restarted. A successor could not be held back until the
            // switch.
            if (maySucceed) {
                throw new CannotServe(Application.IO_URING);
            }
        }
        // It may exit now, or try another port. If it does neither it would serve on less than it should.
        var failed = refusal;
        if (maySucceed && !failed.isEmpty()) {
            if (isSettled) {
                throw new CannotServe(failed);
            }
            return failed;
        }
        var names = open.stream().map(Listening::name).collect(Collectors.toSet());
        var missing = ward.inheritable().stream()
                .filter(name -> !names.contains(name))
                .toList();
        if (open.isEmpty() || !missing.isEmpty()) {
            if (open.isEmpty() || !isSettled) {
                return missing.isEmpty()
                        ? "the application has not opened a listener yet"
                        : "waiting for the application to bind " + String.join(", ", missing);
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    "this generation does not listen on {0}; it closes when the predecessor ends",
                    String.join(", ", missing));
        }
        return "";
    }

    private void register(Opened next) {
        try {
            var name = Listening.name(next.address());
            var names = application.present().stream().map(Listening::name).collect(Collectors.toSet());
            var free = name;
            for (int i = 2; names.contains(free); i++) {
                free = name + "#" + i;
            }
            application.add(Listening.opened(free, next.number()));
            if (next.address() instanceof UnixDomainSocketAddress) {
                guardFiles();
            }
        } catch (ReflectiveOperationException | IOException | RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "a successor cannot take {0}: {1}", next.address(), e.getMessage());
        }
    }

    private void guardFiles() throws IOException, ReflectiveOperationException {
        if (guarded.compareAndSet(false, true)) {
            SocketFiles.guard(instrumentation, this::stays);
        }
    }

    /** The application's own stop has begun; once Baton has drained it may take what is left of the time, and no more. */
    private void exiting() {
        application.removeFiles();
        application
                .exit()
                .ifPresent(deadline -> Thread.ofPlatform().daemon().start(() -> {
                    var last = new CompletableFuture<Void>();
                    deadline.onPassed(() -> last.completeOnTimeout(null, LAST_GRACE.toMillis(), TimeUnit.MILLISECONDS));
                    last.join();
                    // The logging may have ended already; nor is this waited for if nobody reads it.
                    CompletableFuture.runAsync(
                                    () -> System.err.println("baton: the application's own stop has not ended in"
                                            + " time; the process is ended"))
                            .completeOnTimeout(null, 1, TimeUnit.SECONDS)
                            .join();
                    Runtime.getRuntime().halt(0);
                }));
    }
}

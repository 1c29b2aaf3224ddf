package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.LiveConnection;
import dev.baton.Open;
import dev.baton.Passage;
import dev.baton.Server;
import dev.baton.handover.Guardian;
import dev.baton.handover.Offers;
import dev.baton.linux.Listeners;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.instrument.Instrumentation;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An application that knows nothing of Baton, as Baton's server: its listeners can be fenced, its connections be seen. It is
 * ended by {@code System.exit}, which runs its own orderly stop.
 */
final class Application implements Server, Guardian {
    /** How long a pause waits for the last live connections of a predecessor to be accepted. */
    private static final Duration ACCEPTED = Duration.ofSeconds(2);

    private static final String FIXED_DEBUGGER =
            "-(agentlib:|X?run)jdwp[=:](?=\\S*server=y)\\S*address=(\\S*:)?(?!0\\b)\\d+";

    static final String IO_URING =
            "the application accepts connections by io_uring, which cannot be stopped from outside;"
                    + " let it use epoll or NIO";

    /** The files of Unix-domain listeners that are another generation's, each with its name as it was bound. */
    private final Map<Path, Path> foreign = new ConcurrentHashMap<>();

    private final List<Listening> listeners = new CopyOnWriteArrayList<>();
    private final Injection injection;
    private final Instrumentation instrumentation;
    private volatile @Nullable Traffic traffic;
    private volatile @Nullable Draining draining;
    private volatile @Nullable Deadline exit;

    Application(Injection injection, Instrumentation instrumentation) {
        this.injection = injection;
        this.instrumentation = instrumentation;
    }

    /** From now on it is known what goes over its connections. */
    void follow(Traffic installed) {
        traffic = installed;
    }

    void add(Listening listening) {
        if (listening.isFenced()) {
            foreign(listening);
        }
        listeners.add(listening);
    }

    /** {@return those the application has open; what it has closed is forgotten} */
    List<Listening> present() {
        var gone = listeners.stream().filter(listening -> !listening.isOpen()).toList();
        listeners.removeAll(gone);
        gone.forEach(Listening::close);
        return List.copyOf(listeners);
    }

    /** {@return the names of those nobody waits on, as far as {@code /proc} shows it} */
    List<String> unarmed() throws IOException {
        var found = new ArrayList<String>();
        for (var listening : present()) {
            if (!listening.isArmed()) {
                found.add(listening.name());
            }
        }
        return List.copyOf(found);
    }

    /** {@return whether a descriptor of the application's stands for a private listener} */
    boolean isFenced(int number) {
        return listeners.stream().anyMatch(listening -> listening.isFenced(number));
    }

    /** {@return whether the file of a Unix-domain listener is another generation's, as far as this one is fenced} */
    boolean isForeign(Path file) {
        return foreign.containsKey(file);
    }

    /** Removes the files of Unix-domain listeners where nobody listens after this process: no successor, no supervisor. */
    void removeFiles() {
        foreign.forEach((file, asBound) -> {
            listeners.stream()
                    .filter(listening -> file.equals(listening.file()))
                    .forEach(Listening::letGo);
            try {
                if (!Listeners.isListening(asBound)) {
                    var _ = file.toFile().delete();
                }
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "{0} stays: {1}", file, e.getMessage());
            }
        });
    }

    private void foreign(Listening listening) {
        if (listening.address() instanceof UnixDomainSocketAddress unix) {
            foreign.put(unix.getPath().toAbsolutePath(), unix.getPath());
        }
    }

    /** {@return when the process must have ended, if its drain is over} */
    Optional<Deadline> exit() {
        return Optional.ofNullable(exit);
    }

    // ---- what a successor can take

    @Override
    public List<Offers.OfferedListener> listeners() {
        return present().stream().map(Listening::offered).toList();
    }

    @Override
    public Optional<String> obstacle() {
        if (present().isEmpty()) {
            return Optional.of("the application has no listener on a fixed port that a successor could take");
        }
        try {
            if (Rings.exist() && !unarmed().isEmpty()) {
                return Optional.of(IO_URING);
            }
            var command = Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.ISO_8859_1) + " "
                    + System.getenv().getOrDefault("JAVA_TOOL_OPTIONS", "");
            if (Pattern.compile(FIXED_DEBUGGER)
                    .matcher(command.replace('\0', ' '))
                    .find()) {
                return Optional.of(
                        "the debugger's port (jdwp, address=) can be bound by one process only, and a successor"
                                + " would fail on it; let it choose one (address=0), or leave it out");
            }
        } catch (IOException e) {
            return Optional.of("cannot see what this process has open: " + e.getMessage());
        }
        return Optional.empty();
    }

    // ---- the server

    @Override
    public void pause() throws IOException, InterruptedException {
        // What came from a predecessor is ours, and only we can accept it.
        injection.awaitAccepted(ACCEPTED);
        var done = new ArrayList<Listening>();
        try {
            for (var listening : present()) {
                listening.pause();
                done.add(listening);
                foreign(listening);
            }
        } catch (IOException | RuntimeException e) {
            for (var listening : done) {
                try {
                    listening.resume();
                } catch (IOException further) {
                    e.addSuppressed(further);
                }
            }
            throw new IOException("cannot stop accepting: " + e.getMessage(), e);
        }
    }

    @Override
    public void resume() throws IOException {
        var called = draining;
        draining = null;
        exit = null;
        if (called != null) {
            called.callOff();
        }
        foreign.clear();
        for (var listening : listeners) {
            try {
                listening.resume();
            } catch (IOException e) {
                throw new IOException("cannot accept on " + listening + ": " + e.getMessage(), e);
            }
        }
    }

    @Override
    public Drained drain(Deadline deadline) throws IOException, InterruptedException {
        return drain(deadline, (Relocation) null);
    }

    @Override
    public Drained drain(Deadline deadline, Passage passage) throws IOException, InterruptedException {
        var followed = traffic;
        return drain(deadline, followed == null ? null : new Relocation(followed, passage, this::name));
    }

    /** A listener's name, by the number of its descriptor; null if it is closed or has none. */
    private @Nullable String name(int number) {
        return listeners.stream()
                .filter(listening -> listening.number() == number)
                .map(Listening::name)
                .findFirst()
                .orElse(null);
    }

    private Drained drain(Deadline deadline, @Nullable Relocation relocation) throws IOException, InterruptedException {
        var notice = new Notice(instrumentation, traffic, deadline);
        var running = new Draining(ports(), deadline, relocation, notice);
        draining = running;
        var result = running.run();
        if (result.isPresent() && draining == running) {
            exit = deadline;
        }
        return result.orElse(Drained.NOTHING);
    }

    // ---- the server of a successor

    @Override
    public boolean canAdopt(LiveConnection connection) {
        var followed = traffic;
        return followed != null
                && connection.protocol().equals(Relocation.PROTOCOL)
                && connection.unread().length == 0
                && connection.state().length == 0
                && listening(connection)
                        .filter(listening -> followed.isWatched(listening.number()))
                        .isPresent();
    }

    @Override
    public void adopt(LiveConnection connection) {
        var address = (InetSocketAddress) listening(connection).orElseThrow().address();
        injection.adopt(connection, address);
    }

    private Optional<Listening> listening(LiveConnection connection) {
        return listeners.stream()
                .filter(listening -> listening.name().equals(connection.listener()))
                .filter(listening -> listening.address() instanceof InetSocketAddress && listening.isOpen())
                .findFirst();
    }

    @Override
    public Open open() {
        try {
            var connections = Connections.at(ports());
            var busy = connections.stream().filter(Connections.One::isBusy).toList();
            var oldest = busy.stream()
                    .mapToLong(one -> one.traffic().receivedMs())
                    .max()
                    .orElse(0);
            return new Open(connections.size(), busy.size(), Duration.ofMillis(oldest));
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot see what is open: {0}", e.getMessage());
            return Open.NOTHING;
        }
    }

    private Set<Integer> ports() {
        return listeners.stream()
                .map(Listening::address)
                .filter(InetSocketAddress.class::isInstance)
                .map(address -> ((InetSocketAddress) address).getPort())
                .collect(Collectors.toUnmodifiableSet());
    }

    /** Wraps what the JDK expects to see thrown. */
    static UncheckedIOException unchecked(String what, Exception e) {
        return new UncheckedIOException(new IOException(what + ": " + e.getMessage(), e));
    }
}

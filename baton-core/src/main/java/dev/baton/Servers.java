package dev.baton;

import static dev.baton.log.Log.LOG;

import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.handover.Departures;
import dev.baton.handover.Serving;
import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.io.IOException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The servers of this process, and what else is to be done at a drain.
 *
 * <p>Pausing and resuming happen one after the other on one thread, in the order in which they were asked for. A drain runs
 * beside them on threads of its own, so that a resume can call it off.
 */
final class Servers implements Serving {

    /** Not virtual ones: what carries those is the application's, and may be kept busy or pinned by it. */
    private static final Executor OWN_THREAD =
            task -> Thread.ofPlatform().daemon().name("baton-drain").start(task);

    private static final Base64.Encoder BASE64 = Base64.getEncoder();

    /** How long a drain that was called off may take to return. */
    private static final Duration RETURNED = Duration.ofSeconds(3);

    /** How long a drain waits for servers to be paused: one that hangs in that, or in a resume, is not to cost what is open. */
    private static final Duration PAUSED = Duration.ofSeconds(5);

    private static final long LOOK_EVERY_MS = 5;

    private final String name;
    private final List<Server> servers = new CopyOnWriteArrayList<>();
    private final List<Baton.DrainAction> actions = new CopyOnWriteArrayList<>();
    private final ExecutorService switching = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("baton-switch").factory());
    private final ControlLoop loop;
    private final Duration pace;
    private volatile @Nullable Draining draining;
    private volatile @Nullable Departures departures;

    /**
     * A drain.
     *
     * @param result cancelled when it is called off
     * @param done the result, for whoever asked
     * @param returned when no server drains any more
     */
    private record Draining(
            Deadline deadline,
            CompletableFuture<Message.Drained> result,
            CompletableFuture<Message.Drained> done,
            CompletableFuture<Void> returned) {}

    /**
     * @param name the application's name, for the log
     * @param loop the loop on which connections are given away
     * @param pace over how long
     */
    Servers(String name, ControlLoop loop, Duration pace) {
        this.name = name;
        this.loop = loop;
        this.pace = pace;
    }

    void add(Server server) {
        servers.add(server);
    }

    void add(Baton.DrainAction action) {
        actions.add(action);
    }

    Open open() {
        return servers.stream().map(Server::open).reduce(Open.NOTHING, Open::plus);
    }

    @Override
    public CompletableFuture<Void> pause() {
        return run(() -> forAll(Server::pause, Server::resume));
    }

    @Override
    public CompletableFuture<Void> resume() {
        var calledOff = draining;
        draining = null;
        if (calledOff != null) {
            // Its result is nobody's any more; the servers end it as part of resuming.
            calledOff.result().cancel(false);
        }
        endDepartures();
        return run(() -> {
            forAll(Server::resume, Server::pause);
            if (calledOff != null) {
                awaitReturned(calledOff);
            }
        });
    }

    /** A drain's thread may begin only now, and would pause a server that has just resumed. So that is called off again. */
    private void awaitReturned(Draining calledOff) throws Exception {
        var limit = Deadline.after(RETURNED);
        while (true) {
            try {
                calledOff.returned().get(LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
                return;
            } catch (TimeoutException e) {
                if (limit.isPassed()) {
                    throw new IOException(
                            "a server still drains " + RETURNED.toSeconds() + " s after that was called off", e);
                }
                forAll(Server::resume, Server::pause);
            }
        }
    }

    @Override
    public CompletableFuture<Message.Drained> drain(Duration limit) {
        var running = draining;
        if (running != null) {
            // Asked for twice, say by a signal to the whole process group and by the supervisor.
            return running.done();
        }
        var deadline = Deadline.after(limit);
        var result = new CompletableFuture<Message.Drained>();
        var done = new CompletableFuture<Message.Drained>();
        var returned = new CompletableFuture<Void>();
        draining = new Draining(deadline, result, done, returned);
        // The first to hear of the deadline: what is open is looked at before the servers cut it.
        deadline.onPassed(() -> {
            var open = open();
            if (!result.isDone() && open.connections() > 0) {
                OWN_THREAD.execute(() -> LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: the shutdown time-out of {1} s has passed with {2} open; they are cut",
                        name,
                        limit.toMillis() / 1000.0,
                        open));
            }
        });
        var _ = pause().orTimeout(PAUSED.toMillis(), TimeUnit.MILLISECONDS)
                .handle((nothing, error) -> error instanceof TimeoutException)
                .thenAcceptAsync(
                        hangs -> {
                            if (hangs) {
                                LOG.log(
                                        System.Logger.Level.WARNING,
                                        "{0}: a server has not stopped accepting within {1} s; it is drained all the same",
                                        name,
                                        PAUSED.toSeconds());
                            }
                            drainAll(deadline, result, returned);
                        },
                        OWN_THREAD);
        var _ = result.thenAccept(done::complete);
        return done;
    }

    @Override
    public void hurry() {
        var running = draining;
        if (running != null) {
            running.deadline().bringForward();
        }
    }

    // ---- connections that go on in another process

    @Override
    public void moveTo(PacketSocket way, long successor) {
        endDepartures();
        departures = new Departures(loop, way, successor);
    }

    private void endDepartures() {
        var open = departures;
        if (open != null) {
            departures = null;
            open.end();
        }
    }

    private @Nullable Passage passage() {
        var way = departures;
        return way == null
                ? null
                : new Passage() {
                    @Override
                    public boolean isOpen() {
                        return way.isOpen();
                    }

                    @Override
                    public Duration pace() {
                        return pace;
                    }

                    @Override
                    public void give(LiveConnection connection, Consumer<Boolean> settled) {
                        way.give(
                                new Message.Live(
                                        connection.listener(),
                                        connection.protocol(),
                                        connection.idleLeft().toMillis(),
                                        BASE64.encodeToString(connection.unread()),
                                        connection.state().length == 0
                                                ? null
                                                : BASE64.encodeToString(connection.state())),
                                new BorrowedDescriptor(connection.descriptor()),
                                settled);
                    }
                };
    }

    @Override
    public boolean wants(Message.Live connection) {
        try {
            return adopter(live(connection, 0)).isPresent();
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    @Override
    public void take(Message.Live connection, OwnedDescriptor descriptor) {
        var live = live(connection, descriptor.release());
        adopter(live)
                .ifPresentOrElse(
                        server -> server.adopt(live),
                        () -> OwnedDescriptor.of(live.descriptor()).close());
    }

    private Optional<Server> adopter(LiveConnection connection) {
        return servers.stream().filter(server -> server.canAdopt(connection)).findFirst();
    }

    private static LiveConnection live(Message.Live connection, int descriptor) {
        var state = connection.state();
        return new LiveConnection(
                connection.listener(),
                connection.protocol(),
                Duration.ofMillis(connection.idleLeftMs()),
                Base64.getDecoder().decode(connection.unread()),
                state == null ? new byte[0] : Base64.getDecoder().decode(state),
                descriptor);
    }

    private void drainAll(
            Deadline deadline, CompletableFuture<Message.Drained> result, CompletableFuture<Void> returned) {
        if (result.isDone()) {
            returned.complete(null);
            return;
        }
        var drains = servers.stream()
                .map(server -> CompletableFuture.supplyAsync(() -> drain(server, deadline), OWN_THREAD))
                .toList();
        var total = drains.stream().map(CompletableFuture::join).reduce(Drained.NOTHING, Drained::plus);
        returned.complete(null);
        if (result.isDone()) {
            return;
        }
        loop.execute(this::endDepartures);
        for (var action : actions.reversed()) {
            runWithin(deadline, action);
        }
        var message = new Message.Drained(
                total.finished(), total.cutConnections(), total.cutRequests(), (long) total.moved());
        var _ = result.complete(message);
    }

    private Drained drain(Server server, Deadline deadline) {
        try {
            var passage = passage();
            return passage == null ? server.drain(deadline) : server.drain(deadline, passage);
        } catch (Exception e) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    name + ": a server could not be drained; what it has open is lost: " + e,
                    e);
            var open = server.open();
            return new Drained(0, open.connections(), open.requests());
        }
    }

    /** An action that does not return by the deadline is left alone: the process exits over it. */
    private void runWithin(Deadline deadline, Baton.DrainAction action) {
        var done = new CompletableFuture<Void>();
        var thread = Thread.ofPlatform().daemon().name("baton-drain").start(() -> {
            try {
                action.run(deadline);
            } catch (Exception e) {
                LOG.log(System.Logger.Level.ERROR, name + ": an action at the end of the drain failed: " + e, e);
            } finally {
                done.complete(null);
            }
        });
        deadline.onPassed(() -> done.complete(null));
        done.join();
        if (thread.isAlive() && deadline.isPassed()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: an action at the end of the drain still runs at the deadline and is abandoned",
                    name);
        }
    }

    private interface Step {
        void on(Server server) throws Exception;
    }

    /** All or none: what was done is undone when one fails. */
    private void forAll(Step step, Step undo) throws Exception {
        var done = new java.util.ArrayList<Server>();
        try {
            for (var server : servers) {
                step.on(server);
                done.add(server);
            }
        } catch (Exception e) {
            for (var server : done) {
                try {
                    undo.on(server);
                } catch (Exception further) {
                    e.addSuppressed(further);
                }
            }
            throw e;
        }
    }

    private interface Task {
        void run() throws Exception;
    }

    private CompletableFuture<Void> run(Task task) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        task.run();
                    } catch (Exception e) {
                        throw new java.util.concurrent.CompletionException(e);
                    }
                },
                switching);
    }
}

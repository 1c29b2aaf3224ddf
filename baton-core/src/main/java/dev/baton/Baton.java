package dev.baton;

import java.io.IOException;
import java.io.InputStream;
import java.net.SocketAddress;
import java.util.List;
import java.util.Optional;

/**
 * One generation of an application that can be restarted without its clients noticing.
 *
 * <pre>{@code
 * Baton baton = Baton.join(BatonConfig.builder().name("shop").build());
 * Listener http = baton.listen("http", BatonConfig.parseAddress(":8080"));
 * baton.attach(new MyServer(http));   // paused until Baton says resume
 * warmUp();
 * baton.ready();                      // serves as soon as the incumbent has stopped accepting
 * baton.awaitEnd();
 * }</pre>
 *
 * <p>In the first generation {@code listen} binds; in a successor, which the incumbent started with the same command line,
 * it takes the incumbent's listener. {@code ready} means: the incumbent may stop accepting. SIGHUP, or
 * {@code baton restart}, starts a successor; SIGTERM and SIGINT drain and exit with code 0.
 *
 * <p>There is at most one generation in a process. All methods may be called from any thread but for callbacks' own limits.
 */
public interface Baton {
    /**
     * Joins: takes its place as a successor if an incumbent started this process, else begins as generation 1. Installs
     * handlers for SIGHUP, SIGTERM and SIGINT.
     *
     * @param config how to take part
     * @return this generation
     * @throws BatonException if it can not: another application holds the control socket, the runtime directory cannot be
     *     trusted, or the incumbent refuses this process; print the message and exit
     */
    static Baton join(BatonConfig config) throws BatonException {
        return Generation.join(config);
    }

    /**
     * The origin's one call: joins, listens on {@link BatonConfig#address}, starts the application, says ready, and
     * returns when the generation has ended, which by default ends the JVM. If the application cannot start, the incumbent
     * is told why and serves on.
     *
     * @param config how to take part, with an address
     * @param application what to start
     * @throws BatonException if it cannot join or listen, or the application cannot start; print the message and exit
     * @throws InterruptedException if the calling thread is interrupted while it waits for the end
     */
    static void serve(BatonConfig config, Application application) throws BatonException, InterruptedException {
        var address = config.address()
                .orElseThrow(() -> new IllegalArgumentException("Baton.serve needs BatonConfig.address"));
        var baton = join(config);
        try {
            application.start(baton, baton.listen("main", address));
        } catch (Exception e) {
            var reason = e.getMessage() == null ? e.toString() : e.getMessage();
            baton.failed(reason);
            throw e instanceof BatonException known ? known : new BatonException("cannot start: " + reason, e);
        }
        baton.ready();
        baton.awaitEnd();
    }

    /** {@return the name of the application} */
    String name();

    /** {@return the number of this generation, from 1; a successor that never served does not use up a number} */
    int generation();

    /** {@return where this generation stands} */
    State state();

    /** {@return the generation that started this one; empty in the first} */
    Optional<Predecessor> predecessor();

    /**
     * Takes a listener from the incumbent, or binds it when the incumbent has none of that name, or one at another
     * address: a changed configuration is followed. Closed by Baton when the generation ends.
     *
     * @param name the name under which generations know it
     * @param address where it should listen; port 0 asks for any port and matches what the incumbent got
     * @return the listener
     * @throws BatonException if it cannot be taken or bound, saying what the system said
     */
    Listener listen(String name, SocketAddress address) throws BatonException;

    /** {@return the listeners of this generation} */
    List<Listener> listeners();

    /**
     * Tells Baton of a server. It must not accept yet: Baton calls {@link Server#resume} when it is this generation's turn.
     *
     * @param server the server
     */
    void attach(Server server);

    /**
     * Tells whoever waits for this generation that it is alive and busy; extends the time it has to become ready. Has no
     * effect in a first generation, or when it is ready.
     *
     * @param text what it is doing, shown to the operator
     */
    void progress(String text);

    /**
     * Says that this generation can serve. In a first generation its servers begin to accept now; in a successor as soon
     * as the incumbent has stopped. Has no effect when said before.
     */
    void ready();

    /**
     * Says that this generation can not serve. Whoever asked for the restart is told why, the incumbent serves on, and this
     * process may exit. Has no effect once it is ready.
     *
     * @param reason why, in words for an operator
     */
    void failed(String reason);

    /**
     * Something to do when this generation has nothing more to serve: flush a queue, close a pool. Runs after all servers
     * have drained, the last one added first, on a thread of its own. What is left of the {@link BatonConfig#shutdownTimeout}
     * is given; the process exits when it has passed, whatever still runs.
     *
     * @param action what to do
     */
    void onDrain(DrainAction action);

    /**
     * What to do while holding the baton: run a scheduler, consume a queue, whatever must run once. Exactly one
     * generation holds it. It passes when this generation has let go of its office and {@code stop} has returned, and when
     * this process ends, however it ends: the baton is a lock of the kernel.
     *
     * @param start called when this generation has got the baton; on a thread of its own
     * @param stop called when it must let go; the successor does not start before this has returned
     */
    void onBaton(Runnable start, Runnable stop);

    /**
     * Offers a state that a successor can read.
     *
     * @param name its name
     * @param writer writes it
     */
    void offerState(String name, StateWriter writer);

    /**
     * Reads a state the incumbent offers. Before {@link #ready}; reading counts as a sign of life.
     *
     * @param name its name
     * @return the state, to be closed by the caller, or empty when there is none: a first generation, an incumbent that
     *     does not offer it or has ended. A state whose writer fails ends in an {@link java.io.EOFException}, never
     *     early in silence
     * @throws IOException if an incumbent that lives does not answer
     */
    Optional<InputStream> inheritedState(String name) throws IOException;

    /** Begins to stop, as on SIGTERM: drains and ends. Returns at once; see {@link #awaitEnd}. */
    void stop();

    /**
     * Waits until this generation has ended. Where {@link BatonConfig#exits} is on, as it is by default, the JVM ends then
     * and this does not return.
     *
     * @throws InterruptedException if the calling thread is interrupted
     */
    void awaitEnd() throws InterruptedException;

    /** Something to do at the end of a drain. */
    @FunctionalInterface
    interface DrainAction {
        /**
         * Does it.
         *
         * @param deadline when the process exits
         * @throws Exception is logged
         */
        void run(Deadline deadline) throws Exception;
    }
}

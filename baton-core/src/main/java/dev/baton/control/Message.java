package dev.baton.control;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The messages of the control protocol. Each is one record: its JSON type is the record's name in snake case
 * ({@code GetListener} is {@code get_listener}), its fields are the record's components.
 *
 * <p>Generations of different versions of Baton talk to each other, so a field that was added after version 1 is nullable,
 * and none is ever removed or given another meaning.
 */
public sealed interface Message {

    // A successor to the incumbent.

    /**
     * The first message of a successor; answered by {@link Welcome} or {@link Refused}.
     *
     * @param token the one-time token it was started with
     * @param pid its process id
     * @param baton the version of Baton it runs
     */
    record Hello(String token, long pid, String baton) implements Message {}

    /**
     * Asks for a listener; answered by {@link Listener} with the descriptor, or by {@link NoListener}.
     *
     * @param name the listener's name
     */
    record GetListener(String name) implements Message {}

    /**
     * Asks for state of the application; answered by {@link State} with the read end of a pipe, or by {@link NoState}.
     *
     * @param name the name under which it is offered
     */
    record GetState(String name) implements Message {}

    /**
     * A sign of life.
     *
     * @param text what it is doing
     */
    record Progress(String text) implements Message {}

    /** It is ready to accept. */
    record Ready() implements Message {}

    /**
     * It can not serve.
     *
     * @param reason why
     */
    record Failed(String reason) implements Message {}

    /** It accepts. */
    record Serving() implements Message {}

    /** It has heard of the commitment; control socket and pid file are its own now. */
    record InOffice() implements Message {}

    // The incumbent to a successor.

    /**
     * Answers {@link Hello}.
     *
     * @param generation the successor's number
     * @param name the name of the application
     * @param pid the incumbent's process id
     * @param listeners the names of the listeners it can ask for
     * @param states the names of the states it can ask for
     * @param supervised whether a supervisor conducts: the link then stays for as long as the generation lives, and
     *     listeners it binds are sent over it as {@link Listener} with their descriptors; absent is false
     */
    record Welcome(
            int generation,
            String name,
            long pid,
            List<String> listeners,
            List<String> states,
            @Nullable Boolean supervised)
            implements Message {}

    /**
     * A listener; the frame carries its descriptor.
     *
     * @param name its name
     * @param addr its address, {@code 127.0.0.1:8000}, {@code [::]:8000} or a path
     * @param fd its number in the sender, for the log
     * @param filename its name in the sender's file table, {@code socket:[4711]}
     */
    record Listener(String name, String addr, int fd, String filename) implements Message {}

    /**
     * There is no listener of that name.
     *
     * @param name the name asked for
     */
    record NoListener(String name) implements Message {}

    /**
     * A state; the frame carries the read end of a pipe on which it comes, in chunks.
     *
     * @param name its name
     */
    record State(String name) implements Message {}

    /**
     * There is no state of that name.
     *
     * @param name the name asked for
     */
    record NoState(String name) implements Message {}

    /** The incumbent has stopped accepting: begin. */
    record Switch() implements Message {}

    /** A supervisor to the generation that serves: stop accepting. Undone by {@link Switch}. */
    record Pause() implements Message {}

    /** Answers {@link Pause}: nothing more is accepted. */
    record Paused() implements Message {}

    /**
     * The successor is the incumbent now.
     *
     * @param restartPending whether a restart nobody waits for must follow
     */
    record Commit(boolean restartPending) implements Message {}

    /**
     * The incumbent serves again: drain and exit, unless the incumbent ends before that. Answered by {@link Drained}.
     *
     * @param reason why, for the log
     */
    record TakeBack(String reason) implements Message {}

    // A supervisor and the generation that serves.

    /**
     * A supervisor to a generation that serves without one: from now on this connection is its link to a supervisor.
     * Answered by any number of {@link Listener} with their descriptors and then {@link Supervised}, or by {@link Refused}.
     * The generation keeps the control socket until it hears {@link InOffice}.
     *
     * @param baton the supervisor's version of Baton
     */
    record Supervise(String baton) implements Message {}

    /**
     * Answers {@link Supervise}.
     *
     * @param generation the number of the generation
     * @param name the name of the application
     * @param pid its process id
     */
    record Supervised(int generation, String name, long pid) implements Message {}

    /**
     * A generation to its supervisor: what a successor can ask for, whenever that changes.
     *
     * @param states the names of the states
     */
    record Offers(List<String> states) implements Message {}

    /**
     * A supervisor to the generation that serves; the frame carries the write end of a pipe, whose other end the successor
     * has. The state comes there, in chunks; a generation that does not offer it closes the pipe.
     *
     * @param name the name of the state
     */
    record WriteState(String name) implements Message {}

    // From one generation to the next, after the commitment.

    /**
     * A way for live connections; the frame carries one end of it, a socket on which {@link Connections} go one way and
     * {@link Taken} the other.
     *
     * @param pid the process at the other end, where it is known
     * @param outward whether the receiver gives connections away, as a supervised generation that is relieved does; it
     *     takes them otherwise
     */
    record Passage(long pid, boolean outward) implements Message {}

    /**
     * Offers connections; the frame carries their descriptors in the same order. They stay the sender's until it hears
     * {@link Taken}, or would hear it if it lived, or for good once it has said {@link Kept}; answered by exactly one
     * {@link Taken}.
     *
     * @param connections what is known of each
     */
    record Connections(List<Live> connections) implements Message {}

    /**
     * A connection in {@link Connections}.
     *
     * @param listener the name of the listener that accepted it
     * @param protocol what it speaks
     * @param idleLeftMs how much longer it may stand idle
     * @param unread what was read of it and not yet understood, in base64
     * @param state what else its new owner must know, in base64; absent when nothing
     */
    record Live(
            String listener,
            String protocol,
            long idleLeftMs,
            String unread,
            @Nullable String state) {}

    /**
     * Answers {@link Connections}: from now on these belong to the sender of this message, and the others never did.
     *
     * @param taken their places in that list, from 0
     */
    record Taken(List<Integer> taken) implements Message {}

    /**
     * Takes {@link Connections} back that were not answered in time, before the way is shut: the sender goes on with them,
     * also if it dies later.
     */
    record Kept() implements Message {}

    // Whoever may ask, to the incumbent; the incumbent also to its successor when it stops.

    /**
     * Drain and exit; answered by {@link Drained} at the end.
     *
     * @param reason why, for the log
     */
    record Drain(String reason) implements Message {}

    /**
     * The result of a drain; the process exits now.
     *
     * @param finished connections that came to their own end
     * @param cutConnections idle connections closed at the deadline
     * @param cutRequests requests cut at the deadline
     * @param moved connections that went to the successor
     */
    record Drained(
            int finished,
            int cutConnections,
            int cutRequests,
            @Nullable Long moved) implements Message {
        /** There was nothing to drain. */
        public static final Drained NOTHING = new Drained(0, 0, 0, null);
    }

    /** Asks for a restart; answered by any number of {@link Progress} and one {@link Outcome}, {@link Moved} or {@link Refused}. */
    record Restart() implements Message {}

    /**
     * How a handover ended.
     *
     * @param ok whether the successor serves
     * @param reason why not; absent when it does
     * @param rolledBack whether the successor had begun to serve and was taken back
     * @param fromPid who was the incumbent
     * @param fromGeneration its number
     * @param toPid the successor, if it was started
     * @param toGeneration its number
     * @param readyMs from the trigger to ready
     * @param servingMs from the trigger to the successor's accepting
     * @param totalMs from the trigger to the end
     * @param finished connections that came to their own end in the incumbent
     * @param cutConnections idle connections closed at the deadline
     * @param cutRequests requests cut at the deadline
     * @param moved connections that went to the successor
     */
    record Outcome(
            boolean ok,
            @Nullable String reason,
            boolean rolledBack,
            long fromPid,
            int fromGeneration,
            @Nullable Long toPid,
            int toGeneration,
            @Nullable Long readyMs,
            @Nullable Long servingMs,
            long totalMs,
            int finished,
            int cutConnections,
            int cutRequests,
            @Nullable Long moved)
            implements Message {}

    /**
     * Somebody else is the incumbent now: connect again to the same path and ask there.
     *
     * @param pid who
     */
    record Moved(long pid) implements Message {}

    /** Asks how things stand; answered by {@link StatusReply}. */
    record Status() implements Message {}

    /**
     * How things stand.
     *
     * @param name the application's name
     * @param pid the process
     * @param generation its number
     * @param state its state
     * @param phase the phase of the handover
     * @param uptimeMs since it joined
     * @param listeners name and address of each listener
     * @param holdsBaton whether it holds the baton
     * @param successorPid the successor, during a handover
     * @param predecessorPid the predecessor, while it drains
     * @param openConnections established connections
     * @param openRequests requests in progress
     * @param oldestRequestMs age of the oldest request
     * @param lastHandover the last handover this generation knows of
     * @param baton the version of Baton
     * @param supervisorPid who answers for it, if it is supervised
     * @param obstacle why a restart would be refused at the moment; absent if nothing is known to stand in its way
     */
    record StatusReply(
            String name,
            long pid,
            int generation,
            String state,
            String phase,
            long uptimeMs,
            List<ListenerStatus> listeners,
            boolean holdsBaton,
            @Nullable Long successorPid,
            @Nullable Long predecessorPid,
            int openConnections,
            int openRequests,
            long oldestRequestMs,
            @Nullable Outcome lastHandover,
            String baton,
            @Nullable Long supervisorPid,
            @Nullable String obstacle)
            implements Message {}

    /**
     * A listener in {@link StatusReply}.
     *
     * @param name its name
     * @param addr its address
     * @param inherited whether it came from a predecessor
     */
    record ListenerStatus(String name, String addr, boolean inherited) {}

    /**
     * What was asked is not done.
     *
     * @param code for programs
     * @param reason for people
     */
    record Refused(String code, String reason) implements Message {
        /** The frame breaks a rule of the protocol; the connection is closed. */
        public static final String PROTOCOL = "protocol";
        /** The message is not known, or makes no sense here. */
        public static final String UNKNOWN = "unknown";
        /** The peer is not who may ask this. */
        public static final String FORBIDDEN = "forbidden";
        /** No handover runs that this successor could belong to. */
        public static final String NOT_EXPECTED = "not_expected";
        /** The incumbent is stopping. */
        public static final String STOPPING = "stopping";
        /** It is not the incumbent yet, or something went wrong on its side. */
        public static final String UNAVAILABLE = "unavailable";
    }
}

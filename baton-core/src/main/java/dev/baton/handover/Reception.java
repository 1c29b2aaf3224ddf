package dev.baton.handover;

import static dev.baton.log.Log.LOG;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.User;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Receives who connects to the control socket: lets in the same user only, and leads each to whom it wants. When the room
 * is full, whoever has been silent longest leaves for who comes; the successor that was started always finds room.
 */
public final class Reception implements Consumer<PacketSocket> {
    private static final int MOST_GUESTS = 64;
    private static final Duration FIRST_WORD = Duration.ofSeconds(10);

    private final ControlLoop loop;
    private final House house;
    private final Set<Guest> silent = new LinkedHashSet<>();
    private int guests;

    /** Whom those who come want to see. Called on the loop's thread. */
    public interface House {
        /** {@return who conducts at the moment} */
        Conductor conductor();

        /** {@return how things stand, which may take a moment to find out} */
        CompletableFuture<Message.StatusReply> howThingsStand();

        /**
         * Stops the application.
         *
         * @param why who asked
         */
        void stop(String why);

        /** {@return what to say to who asks for a restart that cannot be asked for now, or null} */
        default @Nullable Message noRestart() {
            return null;
        }

        /**
         * A supervisor wants this generation for its own. It has been answered when this returns.
         *
         * @param connection its connection
         * @return who receives what it says from now on; null when it was refused
         */
        default Connection.@Nullable Handler supervise(Connection connection) {
            var _ = connection.send(new Message.Refused(
                    Message.Refused.FORBIDDEN, "pid " + ProcessHandle.current().pid() + " is a supervisor itself"));
            return null;
        }
    }

    /**
     * A reception.
     *
     * @param loop the loop
     * @param house whom those who come want to see
     */
    public Reception(ControlLoop loop, House house) {
        this.loop = loop;
        this.house = house;
    }

    @Override
    public void accept(PacketSocket socket) {
        try {
            new Guest(socket);
        } catch (LinuxException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "a peer of the control socket cannot be identified: {0}",
                    e.getMessage());
            socket.close();
        }
    }

    private final class Guest implements Connection.Handler {
        private final Connection connection;
        private final ControlLoop.Timer silence;
        private @Nullable Conductor linkedTo;
        private Connection.@Nullable Handler supervisor;
        private boolean gone;

        Guest(PacketSocket socket) throws LinuxException {
            connection = new Connection(loop, socket, this);
            guests++;
            silent.add(this);
            silence = loop.after(
                    FIRST_WORD,
                    () -> dismiss(
                            Message.Refused.PROTOCOL, "nothing was asked within " + FIRST_WORD.toSeconds() + " s"));
            var uid = connection.peer().uid();
            if (uid != User.id() && uid != 0) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "refused pid {0,number,#} of uid {1,number,#} at the control socket",
                        connection.peer().pid(),
                        uid);
                dismiss(Message.Refused.FORBIDDEN, "this process runs as uid " + User.id() + ", you as uid " + uid);
            } else if (guests > MOST_GUESTS && !isExpected()) {
                silent.stream()
                        .filter(guest -> !guest.isExpected())
                        .findFirst()
                        .orElse(this)
                        .dismiss(Message.Refused.UNAVAILABLE, "too many connections at once");
            }
        }

        private boolean isExpected() {
            return house.conductor().expects(connection.peer().pid());
        }

        @Override
        public void received(Message message, List<OwnedDescriptor> descriptors) {
            silence.cancel();
            silent.remove(this);
            if (linkedTo != null) {
                linkedTo.fromSuccessor(connection, message, descriptors);
                return;
            }
            if (supervisor != null) {
                supervisor.received(message, descriptors);
                return;
            }
            descriptors.forEach(OwnedDescriptor::close);
            switch (message) {
                case Message.Hello hello -> {
                    var conducting = house.conductor();
                    linkedTo = conducting.hello(connection, hello) ? conducting : null;
                }
                case Message.Restart() -> {
                    var refusal = house.noRestart();
                    if (refusal != null) {
                        var _ = connection.send(refusal);
                    } else {
                        house.conductor().restartAsked(connection);
                    }
                }
                case Message.Status() -> {
                    var _ = house.howThingsStand()
                            .thenAccept(reply -> loop.execute(() -> {
                                var _ = connection.send(reply);
                            }));
                }
                case Message.Supervise _ -> supervisor = house.supervise(connection);
                case Message.Drain(String reason) ->
                    house.stop("pid " + connection.peer().pid() + ": " + reason);
                case Message.GetListener _, Message.GetState _ -> {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "refused {0} to pid {1,number,#}, which is not the successor",
                            message,
                            connection.peer().pid());
                    refuse(
                            Message.Refused.FORBIDDEN,
                            "only the successor that was started, and said hello with its token, gets listeners and state");
                }
                default -> refuse(Message.Refused.UNKNOWN, "nobody here knows what to do with " + message);
            }
        }

        @Override
        public void ended(String reason) {
            leave();
            LOG.log(System.Logger.Level.DEBUG, "control socket: {0}", reason);
            if (linkedTo != null) {
                linkedTo.successorLinkEnded(connection, reason);
            } else if (supervisor != null) {
                supervisor.ended(reason);
            } else {
                house.conductor().askerLeft(connection);
            }
        }

        private void refuse(String code, String reason) {
            var _ = connection.send(new Message.Refused(code, reason));
        }

        private void dismiss(String code, String reason) {
            refuse(code, reason);
            connection.close();
            leave();
        }

        /** Once: the connection of who was dismissed may have been at its end already. */
        private void leave() {
            if (!gone) {
                gone = true;
                silence.cancel();
                silent.remove(this);
                guests--;
            }
        }
    }
}

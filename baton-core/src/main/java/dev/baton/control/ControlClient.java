package dev.baton.control;

import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.PeerCredentials;
import dev.baton.linux.Poller;
import dev.baton.linux.User;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A connection to an incumbent for those who wait for the answer: the command line. For one thread. */
public final class ControlClient implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final Duration RETRY = Duration.ofMillis(5);

    private final Path path;
    private final PacketSocket socket;
    private final PeerCredentials peer;
    private final Poller poller;

    private ControlClient(Path path, PacketSocket socket, PeerCredentials peer, Poller poller) {
        this.path = path;
        this.socket = socket;
        this.peer = peer;
        this.poller = poller;
    }

    /**
     * Connects.
     *
     * @param path the control socket
     * @return the connection
     * @throws IOException if nobody listens there, or somebody else's process does
     */
    public static ControlClient connect(Path path) throws IOException {
        PacketSocket socket;
        try {
            socket = knock(path);
        } catch (LinuxException e) {
            throw new IOException(
                    switch (e.errno()) {
                        case LinuxException.ENOENT -> "nothing is there: " + path + " does not exist";
                        case LinuxException.ECONNREFUSED ->
                            "nobody listens on " + path + ": the process that did is gone";
                        case LinuxException.EAGAIN ->
                            "the process that listens on " + path + " has taken no connection for "
                                    + PATIENCE.toSeconds() + " s: it may be stopped or overloaded";
                        default -> "cannot connect to " + path + ": " + e.getMessage();
                    },
                    e);
        }
        try {
            var peer = socket.peer();
            if (peer.uid() != User.id() && User.id() != 0) {
                throw new IOException(path + " belongs to pid " + peer.pid() + " of uid " + peer.uid()
                        + ", not to your uid " + User.id());
            }
            return new ControlClient(path, socket, peer, new Poller());
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Connects to a control socket, again and again while so many wait there that the kernel takes no more (connect(2) on a
     * Unix socket does not wait for that when it is non-blocking). Blocks for 5 s at most.
     *
     * @param path the control socket
     * @return the connected socket
     * @throws LinuxException {@link LinuxException#EAGAIN} if the queue stayed full, or another refusal, at once
     */
    public static PacketSocket knock(Path path) throws LinuxException {
        var end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                return PacketSocket.connect(path);
            } catch (LinuxException e) {
                if (e.errno() != LinuxException.EAGAIN || System.nanoTime() - end > 0) {
                    throw e;
                }
                LockSupport.parkNanos(RETRY.toNanos());
            }
        }
    }

    /** {@return the process that listens, as the kernel says} */
    public long pid() {
        return peer.pid();
    }

    /**
     * Sends a message. That the other side has closed the connection is left to {@link #receive} to say: its last words,
     * why it did, may still wait there.
     *
     * @param message the message
     * @throws IOException if it cannot be sent
     */
    public void send(Message message) throws IOException {
        try {
            if (!socket.send(Frame.encode(message), java.util.List.of())) {
                throw new IOException("pid " + peer.pid() + " does not read from " + path);
            }
        } catch (LinuxException e) {
            if (e.errno() != LinuxException.EPIPE) {
                throw e;
            }
        }
    }

    /**
     * Waits for the next message. Descriptors that come with it are closed.
     *
     * @param limit how long
     * @return the message, or null when the limit has passed
     * @throws IOException if the connection ends or the answer breaks the protocol
     */
    public @Nullable Message receive(Duration limit) throws IOException {
        var end = System.nanoTime() + limit.toNanos();
        while (true) {
            switch (socket.receive(Frame.LIMIT_BYTES)) {
                case PacketSocket.Received.Packet(byte[] bytes, var descriptors) -> {
                    descriptors.forEach(OwnedDescriptor::close);
                    return Frame.decode(bytes);
                }
                case PacketSocket.Received.Truncated(String reason) ->
                    throw new IOException("the answer of pid " + peer.pid() + " is too large: " + reason);
                case PacketSocket.Received.End() ->
                    throw new IOException(
                            "pid " + peer.pid() + " closed the connection without an answer; it may have ended");
                case PacketSocket.Received.Nothing() -> {
                    var left = end - System.nanoTime();
                    if (left <= 0) {
                        return null;
                    }
                    var _ = poller.await(Set.of(socket.descriptor()), Duration.ofNanos(left));
                }
            }
        }
    }

    @Override
    public void close() {
        socket.close();
        poller.close();
    }
}

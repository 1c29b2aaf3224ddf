package dev.baton.control;

import dev.baton.linux.Descriptor;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.PeerCredentials;
import java.io.IOException;
import java.util.List;

/** One connection of the control protocol, on either side of it. Confined to the loop's thread. */
public final class Connection {
    /** What the owner of a connection is told, on the loop's thread. */
    public interface Handler {
        /**
         * A message came.
         *
         * @param message the message
         * @param descriptors what came with it; the handler's to close
         */
        void received(Message message, List<OwnedDescriptor> descriptors);

        /**
         * The connection has ended and was closed; nothing more will come.
         *
         * @param reason why, in words
         */
        void ended(String reason);
    }

    private final ControlLoop loop;
    private final PacketSocket socket;
    private final PeerCredentials peer;
    private final Handler handler;
    private boolean closed;

    /**
     * Takes over a connected socket and begins to read.
     *
     * @param loop the loop
     * @param socket the socket, the connection's from now on
     * @param handler who is told
     * @throws LinuxException if the peer cannot be identified
     */
    public Connection(ControlLoop loop, PacketSocket socket, Handler handler) throws LinuxException {
        this.loop = loop;
        this.socket = socket;
        this.peer = socket.peer();
        this.handler = handler;
        loop.watch(socket.descriptor(), this::readable);
    }

    /** {@return who is at the other end, as the kernel says} */
    public PeerCredentials peer() {
        return peer;
    }

    /**
     * Sends a message. A peer that has let the socket's buffer fill up does not read; it is given up.
     *
     * @param message the message
     * @param descriptors what goes with it; stays the caller's
     * @return whether it was sent; if not, the connection has ended and the handler was or will be told
     */
    public boolean send(Message message, Descriptor... descriptors) {
        if (closed) {
            return false;
        }
        try {
            if (socket.send(Frame.encode(message), List.of(descriptors))) {
                return true;
            }
            end("pid " + peer.pid() + " does not read");
        } catch (IOException e) {
            end(String.valueOf(e.getMessage()));
        }
        return false;
    }

    /**
     * Sends a message as {@link #send}, but goes on to receive when the peer lets in nothing more: what it had sent before is
     * still received, then the end is told.
     *
     * @param message the message
     * @return whether it was sent
     */
    public boolean sendUnlessShut(Message message) {
        if (closed) {
            return false;
        }
        try {
            if (socket.send(Frame.encode(message), List.of())) {
                return true;
            }
            end("pid " + peer.pid() + " does not read");
        } catch (LinuxException e) {
            if (e.errno() != LinuxException.EPIPE) {
                end(String.valueOf(e.getMessage()));
            }
        } catch (IOException e) {
            end(String.valueOf(e.getMessage()));
        }
        return false;
    }

    /**
     * Sends and lets in nothing more. What the peer had sent before is still received, then the end is told; what the peer
     * sends from now on fails there. So both know of every message whether it counted.
     */
    public void shutdown() {
        if (!closed) {
            socket.shutdown();
        }
    }

    /** Closes the connection; the handler is not told. */
    public void close() {
        if (!closed) {
            closed = true;
            loop.unwatch(socket.descriptor());
            socket.close();
        }
    }

    private void end(String reason) {
        if (!closed) {
            close();
            // Not at once: the caller may be in the middle of something.
            loop.execute(() -> handler.ended(reason));
        }
    }

    private void readable() {
        try {
            switch (socket.receive(Frame.LIMIT_BYTES)) {
                case PacketSocket.Received.Packet(byte[] bytes, List<OwnedDescriptor> descriptors) ->
                    decode(bytes, descriptors);
                case PacketSocket.Received.Truncated(String reason) ->
                    violated(Message.Refused.PROTOCOL, "the frame is too large: " + reason);
                case PacketSocket.Received.End() -> end("pid " + peer.pid() + " closed the connection");
                case PacketSocket.Received.Nothing() -> {}
            }
        } catch (LinuxException e) {
            end(String.valueOf(e.getMessage()));
        }
    }

    private void decode(byte[] bytes, List<OwnedDescriptor> descriptors) {
        Message message;
        try {
            message = Frame.decode(bytes);
        } catch (Frame.Violation e) {
            descriptors.forEach(OwnedDescriptor::close);
            if (e.code().equals(Message.Refused.UNKNOWN)) {
                // A message of a later version: the peer is told, and may go on without it.
                var _ = send(new Message.Refused(e.code(), e.rule()));
            } else {
                violated(e.code(), e.rule());
            }
            return;
        }
        if (descriptors.size() > Frame.LIMIT_DESCRIPTORS) {
            descriptors.forEach(OwnedDescriptor::close);
            violated(
                    Message.Refused.PROTOCOL,
                    descriptors.size() + " descriptors in one frame; the limit is " + Frame.LIMIT_DESCRIPTORS);
            return;
        }
        handler.received(message, descriptors);
    }

    private void violated(String code, String reason) {
        var _ = send(new Message.Refused(code, reason));
        end("pid " + peer.pid() + " broke the protocol: " + reason);
    }
}

package dev.baton.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.Poller;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** Asks the control socket for a restart, as whichever user it runs as, and prints the answer or the system's words. */
final class Stranger {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int ANSWER_BYTES = 4096;

    private Stranger() {}

    public static void main(String[] args) throws Exception {
        try (var socket = PacketSocket.connect(Path.of(args[0]));
                var poller = new Poller()) {
            // Whoever is turned away at the door may find it shut, with the reason behind it.
            try {
                socket.send("BTN\u0001{\"type\":\"restart\"}".getBytes(UTF_8), List.of());
            } catch (LinuxException e) {
                if (e.errno() != LinuxException.EPIPE) {
                    throw e;
                }
            }
            var _ = poller.await(Set.of(socket.descriptor()), LIMIT);
            if (socket.receive(ANSWER_BYTES)
                    instanceof PacketSocket.Received.Packet(byte[] bytes, List<OwnedDescriptor> _)) {
                System.out.println(new String(bytes, UTF_8));
            }
        } catch (LinuxException e) {
            System.out.println(e.getMessage());
        }
    }
}

package dev.baton.agent;

import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.Epoll;
import dev.baton.linux.LinuxException;
import dev.baton.linux.Listeners;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The connections an application has accepted, and whether something is in progress on them, as the kernel sees it. */
final class Connections {
    /*
     * A request is in progress if data came in later than any went out: nobody has answered yet. Three things blur that.
     *
     *   One tick   The kernel notes both times in ticks of 1 to 10 ms. A client that was answered in the tick in which it
     *              asked leaves two equal times, and so does one that asks again in the tick in which it was answered. Then
     *              it counts whether the application waits to be told of more: most servers do not while they work on a
     *              request. For those that always do (Netty), it counts whether more segments came in than went out, for
     *              UNSURE; with requests and answers of a segment each that is exact.
     *   Pauses     An answer that is sent in parts looks finished between them. It counts as finished when nothing went out
     *              for a moment.
     *   Beginnings A client that has asked nothing yet has its first request on the way; it gets UNSURE to arrive.
     *
     * A client that asks again at once leaves no moment in which nothing is in progress. But while the application works on
     * a request and does not wait for input, it does not notice the end of it either: it answers, turns to read, and closes.
     *
     * An answer that pauses for longer is taken for finished. Whoever has such answers (server-sent events, WebSocket) is
     * told of the end by the application's own stop at the latest.
     */
    private static final Duration UNSURE = Duration.ofSeconds(3);

    /** When nothing came for so long, a request is taken to be whole. */
    private static final Duration WHOLE = Duration.ofMillis(500);

    private Connections() {}

    /**
     * One connection at one instant.
     *
     * @param number its descriptor, the application's
     * @param socket the kernel's name for it
     * @param traffic its traffic
     * @param isRead whether the application waits to be told when something can be read from it
     */
    record One(int number, String socket, Tcp.Traffic traffic, boolean isRead) {
        /** {@return whether something was asked that has not been answered in full, as far as can be seen} */
        boolean isBusy() {
            if (traffic.unread() > 0 || traffic.unsent() > 0) {
                return true;
            }
            var sinceAsked = traffic.receivedMs();
            var sinceAnswered = traffic.sentMs();
            if (traffic.received() == 0) {
                return sinceAsked < UNSURE.toMillis();
            }
            if (sinceAsked != sinceAnswered) {
                return sinceAsked < sinceAnswered;
            }
            return !isRead || (traffic.segmentsIn() > traffic.segmentsOut() && sinceAsked < UNSURE.toMillis());
        }

        /** {@return whether it is not busy, and nothing came or went for so long} */
        boolean isQuietFor(Duration time) {
            return !isBusy() && Math.min(traffic.sentMs(), traffic.receivedMs()) >= time.toMillis();
        }

        /** {@return it as it is now, but for whether the application waits for it; empty if it is closed} */
        Optional<One> again() {
            var now = Tcp.traffic(new BorrowedDescriptor(number));
            return now != null && Descriptors.name(number).equals(socket)
                    ? Optional.of(new One(number, socket, now, isRead))
                    : Optional.empty();
        }

        /** {@return whether the last that went over it was certainly ours, and nothing came or went for so long} */
        boolean isSilentFor(Duration time) {
            return traffic.unread() == 0
                    && traffic.unsent() == 0
                    && traffic.receivedMs() > traffic.sentMs()
                    && traffic.sentMs() >= time.toMillis();
        }

        /** {@return whether a request came whole, as far as can be seen, and the application works on it without reading} */
        boolean isWorkedOn() {
            return !isRead && traffic.unread() == 0 && traffic.receivedMs() >= WHOLE.toMillis();
        }

        /**
         * Lets the application find the end of its input, upon which servers close a connection. The client sees what it
         * sees when a server closes a connection that was idle for too long. Nothing is done if something was asked since
         * it was looked at.
         *
         * @return whether it was done
         */
        boolean end() throws IOException {
            // Under a number of our own, which nobody can close and open anew.
            try (var own = new BorrowedDescriptor(number).duplicate()) {
                var now = Descriptors.name(own.number()).equals(socket) ? Tcp.traffic(own) : null;
                if (now == null || now.received() != traffic.received() || now.unread() > 0) {
                    return false;
                }
                Tcp.endInput(own);
                return true;
            } catch (LinuxException e) {
                if (e.errno() != LinuxException.EBADF) {
                    throw e;
                }
                return false;
            }
        }
    }

    /**
     * Looks at all of them.
     *
     * @param ports the ports the application listens on
     * @return the connections accepted there that the application has not closed
     * @throws IOException if {@code /proc} cannot be read
     */
    static List<One> at(Set<Integer> ports) throws IOException {
        var read = Waiters.reading();
        Epoll.registrations().stream()
                .filter(Epoll.Registration::isForReading)
                .forEach(registration -> read.add(registration.target()));
        var found = new ArrayList<One>();
        try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var entry : entries) {
                var descriptor = new BorrowedDescriptor(
                        Integer.parseInt(entry.getFileName().toString()));
                var name = Descriptors.name(descriptor.number());
                var traffic = name.startsWith("socket:") ? Tcp.traffic(descriptor) : null;
                if (traffic != null && ports.contains(port(descriptor))) {
                    found.add(new One(descriptor.number(), name, traffic, read.contains(descriptor.number())));
                }
            }
        }
        return found;
    }

    private static int port(BorrowedDescriptor descriptor) {
        try {
            return Listeners.localAddress(descriptor) instanceof InetSocketAddress inet ? inet.getPort() : 0;
        } catch (IOException | UnsupportedOperationException e) {
            return 0; // closed meanwhile
        }
    }
}

package dev.baton.jdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.launch.Jvm;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each story runs in a JVM of its own, as the flag under test is one of the command line: it finds the descriptor of a
 * listener bound the usual way, and adopts that.
 */
@Timeout(value = 120, threadMode = ThreadMode.SEPARATE_THREAD)
class ServerSocketChannelsTest {
    private static final List<String> OPEN = List.of("--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED");

    @TempDir
    Path temp;

    @Test
    void shouldAcceptOnAnAdoptedTcpListener() throws Exception {
        assertThat(story(OPEN, "tcp")).contains("done");
    }

    @Test
    void shouldAcceptOnAnAdoptedIpv4Listener() throws Exception {
        assertThat(story(OPEN, "tcp4")).contains("done");
    }

    @Test
    void shouldAcceptOnAnAdoptedUnixDomainListener() throws Exception {
        assertThat(story(OPEN, "unix", temp.resolve("listener.sock").toString()))
                .contains("done");
    }

    @Test
    void shouldSayWhichFlagIsMissing() throws Exception {
        assertThat(story(List.of(), "tcp"))
                .contains("cannot make a channel of descriptor")
                .contains("start java with --add-opens java.base/sun.nio.ch=ALL-UNNAMED,"
                        + " or put 'Add-Opens: java.base/sun.nio.ch' into the manifest");
    }

    @Test
    void shouldRefuseADescriptorThatIsNoStreamSocket() throws Exception {
        assertThat(story(OPEN, "none"))
                .contains("cannot make a channel of descriptor 0: it is not an open stream socket")
                .contains("cannot make a channel of descriptor 12345: it is not an open stream socket");
    }

    private static String story(List<String> options, String... arguments) throws Exception {
        return Jvm.run(new ProcessBuilder(Jvm.command(Jvm.java().toString(), Story.class, options, arguments)));
    }

    static final class Story {
        private Story() {}

        public static void main(String[] args) throws Exception {
            try {
                switch (args[0]) {
                    case "tcp" -> adoptAndServe(StandardProtocolFamily.INET6, loopback());
                    case "tcp4" -> adoptAndServe(StandardProtocolFamily.INET, loopback());
                    case "unix" -> adoptAndServe(StandardProtocolFamily.UNIX, UnixDomainSocketAddress.of(args[1]));
                    default -> {
                        refuse(0);
                        refuse(12345);
                    }
                }
            } catch (IOException e) {
                System.out.println(e.getMessage());
            }
        }

        private static void refuse(int fd) throws IOException {
            try (var _ = ServerSocketChannels.adopt(fd)) {
                System.out.println("adopted " + fd);
            } catch (IOException e) {
                System.out.println(e.getMessage());
            }
        }

        private static SocketAddress loopback() {
            return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
        }

        private static void adoptAndServe(StandardProtocolFamily family, SocketAddress address) throws Exception {
            ServerSocketChannel.open(family).close(); // the JDK opens sockets of its own with the first channel
            var before = sockets();
            var original = ServerSocketChannel.open(family).bind(address);
            var opened = sockets();
            opened.removeAll(before);
            check(opened.size() == 1, "one new socket is the listener: " + opened);
            int fd = opened.iterator().next();
            var adopted = ServerSocketChannels.adopt(fd);
            var bound = adopted.getLocalAddress();

            check(bound.equals(original.getLocalAddress()), "reports the address of the listener, not " + bound);
            check(adopted.isBlocking(), "is in blocking mode as seen by the JDK");
            check(isNonBlocking(fd), "the socket is non-blocking");

            exchange(bound, start(Thread.ofPlatform().daemon(), adopted::accept));
            check(isNonBlocking(fd), "an accept that blocks leaves O_NONBLOCK alone");

            adopted.configureBlocking(false);
            check(adopted.accept() == null, "does not block when nobody connects");
            try (var selector = Selector.open()) {
                adopted.register(selector, SelectionKey.OP_ACCEPT);
                exchange(bound, start(Thread.ofPlatform().daemon(), () -> {
                    while (selector.selectedKeys().isEmpty()) selector.select(TimeUnit.SECONDS.toMillis(30));
                    return adopted.accept();
                }));
            }
            adopted.configureBlocking(true);
            check(isNonBlocking(fd), "configureBlocking(true) leaves O_NONBLOCK alone");

            if (bound instanceof InetSocketAddress) {
                adopted.socket().setSoTimeout((int) TimeUnit.SECONDS.toMillis(30));
                exchange(
                        bound,
                        start(
                                Thread.ofPlatform().daemon(),
                                () -> adopted.socket().accept().getChannel()));
                check(isNonBlocking(fd), "an accept with a timeout leaves O_NONBLOCK alone");
            }

            exchange(bound, start(Thread.ofVirtual(), adopted::accept));
            check(isNonBlocking(fd), "an accept on a virtual thread leaves O_NONBLOCK alone");

            var waiting = start(Thread.ofPlatform().daemon(), adopted::accept);
            adopted.close();
            try {
                waiting.get(30, TimeUnit.SECONDS);
                check(false, "close wakes a thread in accept");
            } catch (ExecutionException e) {
                check(e.getCause() instanceof ClosedChannelException, "close wakes it: " + e);
            }
            System.out.println("done");
            System.exit(0);
        }

        private static FutureTask<SocketChannel> start(Thread.Builder builder, Callable<SocketChannel> accept) {
            var task = new FutureTask<>(accept);
            builder.start(task);
            return task;
        }

        private static void exchange(SocketAddress address, FutureTask<SocketChannel> accepting) throws Exception {
            try (var client = SocketChannel.open(address);
                    var server = accepting.get(30, TimeUnit.SECONDS)) {
                client.write(ByteBuffer.wrap(new byte[] {42}));
                var received = ByteBuffer.allocate(1);
                check(server.isBlocking() && server.read(received) == 1 && received.get(0) == 42, "carries bytes");
            }
        }

        private static Set<Integer> sockets() throws IOException {
            var sockets = new TreeSet<Integer>();
            try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
                for (var entry : entries) {
                    if (Files.isSymbolicLink(entry)
                            && Files.readSymbolicLink(entry).toString().startsWith("socket:"))
                        sockets.add(Integer.parseInt(entry.getFileName().toString()));
                }
            }
            return sockets;
        }

        private static boolean isNonBlocking(int fd) throws IOException {
            try (var lines = Files.lines(Path.of("/proc/self/fdinfo/" + fd))) {
                return lines.filter(line -> line.startsWith("flags:"))
                        .mapToInt(line -> Integer.parseInt(line.replaceAll("\\D", ""), 8))
                        .anyMatch(flags -> (flags & 04000) != 0);
            }
        }

        private static void check(boolean holds, String promise) throws IOException {
            if (!holds) throw new IOException("broken: " + promise);
        }
    }
}

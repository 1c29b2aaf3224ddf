package dev.baton.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ListenersTest {
    @TempDir
    private Path directory;

    private static boolean hasIpv6;

    @BeforeAll
    static void tryIpv6() {
        try {
            Listeners.bind(inet("::1", 0), 1).close();
            hasIpv6 = true;
        } catch (LinuxException e) {
            hasIpv6 = false;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1", "0.0.0.0", "::"})
    void shouldListenAt(String host) throws Exception {
        assumeThat(hasIpv6 || !host.contains(":")).isTrue();
        try (var listener = Listeners.bind(inet(host, 0), 16)) {
            var address = (InetSocketAddress) Listeners.localAddress(listener);

            assertThat(address.getAddress()).isEqualTo(InetAddress.ofLiteral(host));
            assertThat(address.getPort()).isPositive();
            assertThat(Listeners.isListening(listener)).isTrue();
            assertThat(Descriptors.isCloseOnExec(listener)).isTrue();
            assertThat(Descriptors.isNonBlocking(listener)).isTrue();
            var reachableAt = address.getAddress().isAnyLocalAddress() ? "127.0.0.1" : host;
            assertReachable(listener, inet(reachableAt, address.getPort()));
        }
    }

    @Test
    void shouldTellWhoListensAtAPathWithoutConnecting() throws Exception {
        var path = directory.resolve("a listener");
        assertThat(Listeners.isListening(path)).isFalse();
        OwnedDescriptor another;
        try (var listener = Listeners.bind(UnixDomainSocketAddress.of(path), 16)) {
            assertThat(Listeners.isListening(path)).isTrue();
            Files.delete(path);
            assertThat(Listeners.isListening(path)).isTrue();
            another = listener.duplicate();
        }
        assertThat(Listeners.isListening(path)).isTrue();
        another.close();
        assertThat(Listeners.isListening(path)).isFalse();
    }

    @Test
    void shouldListenAtAPath() throws Exception {
        var address = UnixDomainSocketAddress.of(directory.resolve("listener"));
        try (var listener = Listeners.bind(address, 16)) {
            assertThat(Listeners.localAddress(listener)).isEqualTo(address);
            assertReachable(listener, address);
        }
    }

    @Test
    void shouldBindAgainAtOnceAfterAConnectionWasClosedHere() throws Exception {
        InetSocketAddress address;
        try (var channel = ServerSocketChannel.open().bind(inet("127.0.0.1", 0));
                var client = SocketChannel.open(channel.getLocalAddress())) {
            address = (InetSocketAddress) channel.getLocalAddress();
            channel.accept().close();
            assertThat(client.isConnected()).isTrue();
        }
        Listeners.bind(address, 1).close();
    }

    @Test
    void shouldSayWhichAddressIsInUse() throws Exception {
        try (var listener = Listeners.bind(inet("127.0.0.1", 0), 1)) {
            var address = Listeners.localAddress(listener);
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Listeners.bind(address, 1))
                    .matches(e -> e.errno() == LinuxException.EADDRINUSE)
                    .matches(e ->
                            e.call().startsWith("bind(127.0.0.1:") || e.call().startsWith("listen(127.0.0.1:"))
                    .withMessageEndingWith("EADDRINUSE, address in use");
        }
    }

    @Test
    void shouldLeaveNothingOpenWhenItFails() throws Exception {
        var before = OpenFiles.now();
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> Listeners.bind(inet("192.0.2.1", 0), 1))
                .withMessage("bind(192.0.2.1:0): EADDRNOTAVAIL, not an address of this machine");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> Listeners.bind(UnixDomainSocketAddress.of("/" + "x".repeat(107)), 1))
                .withMessageContaining("107");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Listeners.bind(InetSocketAddress.createUnresolved("nowhere.invalid", 80), 1))
                .withMessageContaining("nowhere.invalid");
        assertThat(OpenFiles.now()).isEqualTo(before);
    }

    @Test
    @SuppressWarnings("try") // closing is what is tested
    void shouldTellListenersFromEverythingElse() throws Exception {
        var pipe = Descriptors.pipe();
        try (var listener = Listeners.bind(inet("127.0.0.1", 0), 1);
                var reading = pipe.get(0);
                var writing = pipe.get(1)) {
            assertThat(Listeners.isListening(listener)).isTrue();
            assertThat(Listeners.isListening(reading)).isFalse();
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Listeners.localAddress(writing))
                    .returns(LinuxException.ENOTSOCK, LinuxException::errno);
            var number = writing.number();
            writing.close();
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Listeners.isListening(new BorrowedDescriptor(number)))
                    .returns(LinuxException.EBADF, LinuxException::errno);
        }
    }

    @Test
    void shouldFindTheListenersOfThisProcessWhoeverOpenedThemAndNothingElse() throws Exception {
        var before = addresses();
        var path = UnixDomainSocketAddress.of(directory.resolve("channel"));
        try (var channel = ServerSocketChannel.open().bind(inet("127.0.0.1", 0));
                var unixChannel =
                        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(path);
                var socket = new ServerSocket(0, 50, InetAddress.ofLiteral("127.0.0.1"));
                var ours = Listeners.bind(inet("127.0.0.1", 0), 1);
                var duplicate = ours.duplicate();
                var datagrams = DatagramChannel.open().bind(inet("127.0.0.1", 0));
                var unbound = ServerSocketChannel.open();
                var client = SocketChannel.open(channel.getLocalAddress());
                var accepted = channel.accept();
                var packets = PacketSocket.listen(directory.resolve("packets"), 1)) {
            assertThat(List.of(datagrams, unbound, client, accepted)).allMatch(c -> c.isOpen());
            assertThat(packets.descriptor().number()).isPositive();

            var found = Listeners.scan();

            var after = found.stream().map(Listeners.Found::address).toList();
            assertThat(after)
                    .containsAll(before)
                    .contains(
                            channel.getLocalAddress(),
                            unixChannel.getLocalAddress(),
                            socket.getLocalSocketAddress(),
                            Listeners.localAddress(ours))
                    .hasSize(before.size() + 5);
            assertThat(found)
                    .extracting(f -> f.descriptor().number())
                    .contains(ours.number(), duplicate.number())
                    .isSorted();
        }
        assertThat(addresses()).isEqualTo(before);
    }

    @Test
    void shouldGiveAListenerAnotherBacklog() throws Exception {
        try (var listener = Listeners.bind(inet("127.0.0.1", 0), 1)) {
            Listeners.listen(listener, 64);
            assertReachable(listener, Listeners.localAddress(listener));
        }
        var sockets = PacketSocket.pair();
        try (var a = sockets.get(0);
                var _ = sockets.get(1)) {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Listeners.listen(a.descriptor(), 1))
                    .withMessage(
                            "listen(descriptor %d): EINVAL, invalid argument",
                            a.descriptor().number());
        }
    }

    private static List<SocketAddress> addresses() throws IOException {
        return Listeners.scan().stream().map(Listeners.Found::address).toList();
    }

    private static void assertReachable(OwnedDescriptor listener, SocketAddress address) throws IOException {
        try (var client = SocketChannel.open(address);
                var poller = new Poller()) {
            assertThat(client.isConnected()).isTrue();
            assertThat(poller.await(List.of(listener), Duration.ofSeconds(30))).containsExactly(listener);
        }
    }

    private static InetSocketAddress inet(String host, int port) {
        return new InetSocketAddress(InetAddress.ofLiteral(host), port);
    }
}

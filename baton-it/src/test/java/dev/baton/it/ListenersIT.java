package dev.baton.it;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.BatonConfig;
import dev.baton.control.Message;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Every kind of listener goes from generation to generation; a changed address is followed. */
@Timeout(120)
class ListenersIT {
    @TempDir
    Path directory;

    @BeforeEach
    void noVariables() throws IOException {
        Files.createFile(directory.resolve("environment"));
    }

    @Test
    void shouldAllBeHandedOverAndKeepTheirAddresses() throws Exception {
        var path = directory.resolve("http.sock");
        settings(
                "listener.four=127.0.0.1:0",
                "listener.six=[::1]:0",
                "listener.any=:0",
                "listener.unix=" + path,
                "channel=127.0.0.1:0");
        try (var shop = shop().start();
                var load = dev.baton.load.Load.on((InetSocketAddress) address(shop, "four"))
                        .newConnections(100)
                        .start()) {
            var first = addresses(shop);
            var inode = Files.getAttribute(path, "unix:ino");

            for (int generation = 2; generation <= 3; generation++) {
                shop.restarted();

                var pid = shop.pid();
                assertThat(shop.status().generation()).isEqualTo(generation);
                assertThat(addresses(shop)).isEqualTo(first);
                assertThat(shop.status().listeners()).allMatch(Message.ListenerStatus::inherited);
                Site.assertAnsweredBy(pid, (InetSocketAddress) address(shop, "four"));
                Site.assertAnsweredBy(pid, (InetSocketAddress) address(shop, "six"));
                var port = ((InetSocketAddress) address(shop, "any")).getPort();
                Site.assertAnsweredBy(pid, new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port));
                Site.assertAnsweredBy(pid, new InetSocketAddress(InetAddress.ofLiteral("::1"), port));
                assertThat(overUnix(path)).contains("HTTP/1.1 200", "x-pid: " + pid);
                assertThat(Files.getAttribute(path, "unix:ino")).isEqualTo(inode);
                assertThat(line((InetSocketAddress) address(shop, "channel"))).isEqualTo(Long.toString(pid));
            }
            // Shop answers with other words than the load expects of hello; what matters is that it answers.
            assertThat(load.stop().outcomes().entrySet())
                    .filteredOn(entry -> entry.getKey().isLost() && entry.getValue() > 0)
                    .allMatch(entry -> entry.getKey() == dev.baton.load.Outcome.WRONG_CONTENT);
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void shouldFollowAChangedPortAndCloseTheOldOne() throws Exception {
        settings("listener.http=127.0.0.1:0", "listener.old=127.0.0.1:0");
        try (var shop = shop().start()) {
            var before = (InetSocketAddress) address(shop, "http");
            var dropped = (InetSocketAddress) address(shop, "old");
            int port;
            try (var free = new java.net.ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = free.getLocalPort();
            }
            settings("listener.http=127.0.0.1:" + port);

            shop.restarted();

            var status = shop.status();
            assertThat(status.listeners())
                    .containsExactly(new Message.ListenerStatus("http", "127.0.0.1:" + port, false));
            Site.assertAnsweredBy(status.pid(), (InetSocketAddress) address(shop, "http"));
            for (var closed : java.util.List.of(before, dropped)) {
                org.assertj.core.api.Assertions.assertThatThrownBy(() -> ScriptedClient.connect(closed))
                        .hasStackTraceContaining("refused");
            }
            assertThat(shop.log())
                    .contains("http listens on 127.0.0.1:" + before.getPort() + "; binding 127.0.0.1:" + port);
        }
    }

    @Test
    void shouldServeOnWhenTheNewPortIsTaken() throws Exception {
        settings("listener.http=127.0.0.1:0");
        try (var shop = shop().start();
                var taken = new java.net.ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var incumbent = shop.pid();
            settings("listener.http=127.0.0.1:" + taken.getLocalPort());

            var outcome = shop.restart();

            assertThat(outcome.ok()).isFalse();
            assertThat(shop.log()).contains("cannot listen on 127.0.0.1:" + taken.getLocalPort() + " as http");
            shop.assertServesOn(incumbent);
        }
    }

    @Test
    void shouldNameTheFlagThatAChannelNeeds() throws Exception {
        settings("channel=127.0.0.1:0");

        var refused = shop().withoutOpens().fail();

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err()).contains("start java with --add-opens java.base/sun.nio.ch=ALL-UNNAMED");
    }

    private Site.Builder shop() {
        return Site.in(directory)
                .classPath(".:" + Site.CLASS_PATH)
                .main(Shop.class)
                .argument(directory.toString());
    }

    private void settings(String... lines) throws IOException {
        Files.writeString(directory.resolve("shop.properties"), String.join("\n", lines));
    }

    private static java.net.SocketAddress address(Site shop, String name) throws IOException {
        return BatonConfig.parseAddress(Objects.requireNonNull(addresses(shop).get(name), name));
    }

    private static Map<String, String> addresses(Site shop) throws IOException {
        return shop.status().listeners().stream()
                .collect(toMap(Message.ListenerStatus::name, Message.ListenerStatus::addr));
    }

    private static String overUnix(Path path) throws IOException {
        try (var socket = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            socket.write(StandardCharsets.US_ASCII.encode("GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"));
            return new String(Channels.newInputStream(socket).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String line(InetSocketAddress address) throws IOException {
        try (var socket = SocketChannel.open(address)) {
            var buffer = ByteBuffer.allocate(64);
            while (socket.read(buffer) >= 0) {}
            return StandardCharsets.US_ASCII.decode(buffer.flip()).toString().strip();
        }
    }
}

package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.Listeners;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A listener is fenced and unfenced behind the back of a server that goes on as if nothing had happened. */
@Timeout(60)
class ListeningTest {
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    /** The number of the descriptor that listens on a port. */
    static int number(int port) throws IOException {
        return Listeners.scan().stream()
                .filter(found -> found.address() instanceof InetSocketAddress inet && inet.getPort() == port)
                .findFirst()
                .orElseThrow()
                .descriptor()
                .number();
    }

    private static InetSocketAddress at(String host) {
        return new InetSocketAddress(InetAddress.ofLiteral(host), 80);
    }

    private static Socket connect(int port) throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), port);
    }

    @ParameterizedTest
    @ValueSource(strings = {"platform", "virtual"})
    void shouldTakeNothingFromAThreadThatWaitsInAcceptAndGiveItBack(String kind) throws Exception {
        try (var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            var accepted = new AtomicInteger();
            var builder = kind.equals("virtual")
                    ? Thread.ofVirtual()
                    : Thread.ofPlatform().daemon();
            builder.start(() -> acceptAll(server, accepted));
            var port = server.getLocalPort();
            var listening = Listening.opened("test", number(port));
            await().until(listening::isArmed);

            for (int round = 1; round <= 20; round++) {
                listening.pause();
                try (var waiting = connect(port)) {
                    await().until(listening::isArmed);
                    assertThat(waiting.isConnected()).isTrue();
                    assertThat(accepted).hasValue(round - 1);

                    listening.resume();

                    var expected = round;
                    await().until(() -> accepted.get() == expected);
                }
            }
        }
    }

    private static void acceptAll(ServerSocket server, AtomicInteger accepted) {
        try {
            while (true) {
                server.accept().close();
                accepted.incrementAndGet();
            }
        } catch (IOException e) {
            // closed
        }
    }

    @Test
    void shouldMoveTheRegistrationsOfSelectors() throws Exception {
        try (var server = ServerSocketChannel.open().bind(ANY_PORT);
                var selector = Selector.open()) {
            server.configureBlocking(false);
            var port = server.socket().getLocalPort();
            var key = server.register(selector, SelectionKey.OP_ACCEPT);
            assertThat(selector.selectNow()).isZero();
            var listening = Listening.opened("test", number(port));
            assertThat(listening.isArmed()).isTrue();

            listening.pause();
            try (var waiting = connect(port)) {
                assertThat(waiting.isConnected()).isTrue();
                assertThat(selector.selectNow()).isZero();
                assertThat(server.accept()).isNull();
                assertThat(listening.isArmed()).isTrue();

                listening.resume();

                assertThat(selector.select(10_000)).isOne();
                assertThat(key.isAcceptable()).isTrue();
                var accepted = server.accept();
                assertThat(accepted).isNotNull();
                accepted.close();
            }
        }
    }

    @Test
    void shouldNotCountAsArmedWhatNobodyWaitsFor() throws Exception {
        try (var server = ServerSocketChannel.open().bind(ANY_PORT)) {
            var listening = Listening.opened("test", number(server.socket().getLocalPort()));

            assertThat(listening.isArmed()).isFalse();
        }
    }

    @Test
    void shouldLetTheApplicationCloseItWhileItIsFenced() throws Exception {
        var before = Descriptors.open();
        var server = ServerSocketChannel.open().bind(ANY_PORT);
        var port = server.socket().getLocalPort();
        var number = number(port);
        var listening = Listening.opened("test", number);

        listening.pause();
        assertThat(listening.isOpen()).isTrue();
        server.close();

        assertThat(listening.isOpen()).isFalse();
        listening.resume();
        assertThat(Descriptors.name(number)).isEmpty();
        assertThat(Descriptors.open()).isEqualTo(before);
    }

    @Test
    void shouldBeFencedFromItsFirstMomentWhenAdoptedAndNeverShrinkTheBacklog() throws Exception {
        try (var predecessor = ServerSocketChannel.open().bind(ANY_PORT, 300);
                var own = ServerSocketChannel.open()) {
            var port = predecessor.socket().getLocalPort();
            var inherited = new BorrowedDescriptor(number(port)).duplicate();
            own.bind(ANY_PORT);
            var number = number(own.socket().getLocalPort());

            var adopted = Listening.adopt("test", number, inherited);
            adopted.listening().fence(adopted.isNonBlocking(), 50);

            assertThat(Tcp.backlog(new BorrowedDescriptor(number(port)))).isEqualTo(300);
            try (var waiting = connect(port)) {
                own.configureBlocking(false);
                assertThat(own.accept()).isNull();

                adopted.listening().resume();

                try (var accepted = await().until(own::accept, java.util.Objects::nonNull)) {
                    assertThat(accepted.getRemoteAddress()).isEqualTo(waiting.getLocalSocketAddress());
                }
            }
        }
    }

    @Test
    void shouldRaiseTheBacklogForASuccessorThatWantsMore() throws Exception {
        try (var predecessor = ServerSocketChannel.open().bind(ANY_PORT, 20);
                var own = ServerSocketChannel.open().bind(ANY_PORT)) {
            var number = number(predecessor.socket().getLocalPort());
            var inherited = new BorrowedDescriptor(number).duplicate();
            var adopted = Listening.adopt("test", number(own.socket().getLocalPort()), inherited);

            adopted.listening().fence(false, 70);

            assertThat(Tcp.backlog(new BorrowedDescriptor(number))).isEqualTo(70);
            adopted.listening().resume();
        }
    }

    @Test
    void shouldHaveOneNameForBothWildcardsAndForMappedAddresses() {
        assertThat(Listening.name(at("0.0.0.0"))).isEqualTo("tcp:*:80");
        assertThat(Listening.name(at("::"))).isEqualTo("tcp:*:80");
        assertThat(Listening.name(at("::ffff:127.0.0.1"))).isEqualTo("tcp:127.0.0.1:80");
        assertThat(Listening.name(at("::1"))).isEqualTo("tcp:[0:0:0:0:0:0:0:1]:80");
    }
}

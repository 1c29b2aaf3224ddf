package dev.baton.agent.it;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Listener;
import dev.baton.Open;
import dev.baton.Server;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A server that takes part by itself: {@code java LibraryApp PORT CONTROL_SOCKET}. It answers whoever connects. */
final class LibraryApp implements Server {
    private final Listener listener;
    private @Nullable ServerSocketChannel accepting;
    private @Nullable Thread acceptor;

    private LibraryApp(Listener listener) {
        this.listener = listener;
    }

    public static void main(String[] arguments) throws Exception {
        var baton = Baton.join(BatonConfig.builder()
                .name("app")
                .controlSocket(Path.of(arguments[1]))
                .watch(Duration.ofMillis(200))
                .build());
        var listener = baton.listen("hello", new InetSocketAddress(Integer.parseInt(arguments[0])));
        baton.attach(new LibraryApp(listener));
        baton.ready();
        baton.awaitEnd();
    }

    @Override
    public void pause() throws Exception {
        if (accepting != null && acceptor != null) {
            accepting.close();
            acceptor.join();
            accepting = null;
        }
    }

    @Override
    public void resume() throws Exception {
        if (accepting == null) {
            var channel = listener.channel();
            accepting = channel;
            acceptor = Thread.ofPlatform().daemon().start(() -> accept(channel));
        }
    }

    private static void accept(ServerSocketChannel channel) {
        try {
            while (true) {
                try (var one = channel.accept()) {
                    var _ = one.read(ByteBuffer.allocate(1000));
                    one.write(ByteBuffer.wrap(
                            "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\nHello, world!\n"
                                    .getBytes(StandardCharsets.US_ASCII)));
                }
            }
        } catch (java.nio.channels.ClosedChannelException e) {
            // paused
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Drained drain(Deadline deadline) {
        return Drained.NOTHING;
    }

    @Override
    public Open open() {
        return Open.NOTHING;
    }
}

package dev.baton.it;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Listener;
import dev.baton.Open;
import dev.baton.Server;
import dev.baton.netty.Handler;
import dev.baton.netty.HttpServer;
import dev.baton.netty.Response;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * A server of many listeners, as {@code shop.properties} on its class path says, read by every generation:
 * {@code listener.NAME=ADDRESS}, served by the HTTP server, and {@code channel=ADDRESS}, served by a thread that writes its
 * pid to each connection of a {@link ServerSocketChannel}. It answers with {@code GREETING} and its arguments.
 */
final class Shop {
    private Shop() {}

    public static void main(String[] args) throws Exception {
        var settings = new Properties();
        try (var in = ClassLoader.getSystemResourceAsStream("shop.properties")) {
            settings.load(Objects.requireNonNull(in, "no shop.properties on the class path"));
        }
        var directory = Path.of(args[0]);
        var baton = Baton.join(BatonConfig.builder()
                .name("shop")
                .controlSocket(directory.resolve("hello.sock"))
                .pidFile(directory.resolve("hello.pid"))
                .environmentFile(directory.resolve("environment"))
                .watch(java.time.Duration.ofMillis(200))
                .build());
        var greeting = System.getenv().getOrDefault("GREETING", "none") + "|" + String.join("|", args) + "|"
                + settings.getProperty("release", "none");
        Handler handler = _ -> Response.text(greeting);
        for (var key : settings.stringPropertyNames()) {
            if (key.startsWith("listener.")) {
                var name = key.substring("listener.".length());
                HttpServer.builder(handler)
                        .everyAnswer(answer -> answer.header("x-pid", Long.toString(pid())))
                        .build()
                        .start(baton, baton.listen(name, address(settings, key)));
            }
        }
        if (settings.containsKey("channel")) {
            try {
                baton.attach(new Clock(baton.listen("channel", address(settings, "channel"))));
            } catch (IOException e) {
                baton.failed(String.valueOf(e.getMessage()));
                System.exit(1);
            }
        }
        baton.ready();
        baton.awaitEnd();
    }

    private static SocketAddress address(Properties settings, String key) {
        return BatonConfig.parseAddress(settings.getProperty(key));
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }

    /** One connection after the other; each is told who serves. Accepting without waiting, so that a pause is certain. */
    private static final class Clock implements Server {
        private final ServerSocketChannel channel;
        private @Nullable Thread thread;
        private volatile boolean accepting;

        Clock(Listener listener) throws IOException {
            channel = listener.channel();
            channel.configureBlocking(false);
        }

        @Override
        public synchronized void pause() throws InterruptedException {
            accepting = false;
            if (thread != null) {
                thread.join();
            }
        }

        @Override
        public synchronized void resume() {
            if (!accepting) {
                accepting = true;
                thread = Thread.ofPlatform().daemon().start(this::run);
            }
        }

        private void run() {
            var text = StandardCharsets.US_ASCII.encode(pid() + "\n");
            while (accepting) {
                try (var connection = channel.accept()) {
                    if (connection == null) {
                        java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
                    } else {
                        connection.write(text.duplicate());
                    }
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        }

        @Override
        public Drained drain(Deadline deadline) throws IOException {
            channel.close();
            return Drained.NOTHING;
        }

        @Override
        public Open open() {
            return Open.NOTHING;
        }
    }
}

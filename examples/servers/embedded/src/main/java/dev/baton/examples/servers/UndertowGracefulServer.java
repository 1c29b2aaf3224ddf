package dev.baton.examples.servers;

import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.server.handlers.GracefulShutdownHandler;
import java.time.Duration;

/** Undertow that waits for its requests when it stops: {@code java UndertowGracefulServer PORT}. */
public final class UndertowGracefulServer {
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private UndertowGracefulServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     */
    public static void main(String[] arguments) {
        var graceful = Handlers.gracefulShutdown(UndertowServer.hello());
        var server = Undertow.builder()
                .addHttpListener(Integer.parseInt(arguments[0]), "0.0.0.0")
                .setHandler(graceful)
                .build();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, graceful)));
        server.start();
    }

    private static void stop(Undertow server, GracefulShutdownHandler graceful) {
        graceful.shutdown();
        try {
            var _ = graceful.awaitShutdown(STOP_TIMEOUT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        server.stop();
    }
}

package dev.baton.examples.servers.vertx;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;

/** Vert.x: {@code java VertxServer PORT [native]}, on the JDK's selectors or on Netty's native transport. */
public final class VertxServer {
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private VertxServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port, and whether to use the native transport
     */
    public static void main(String[] arguments) {
        boolean isNative = arguments.length > 1 && arguments[1].equals("native");
        var vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(isNative));
        var server = vertx.createHttpServer().requestHandler(request -> hello(vertx, request));
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> server.shutdown(STOP_TIMEOUT)
                        .toCompletionStage()
                        .toCompletableFuture()
                        .join()));
        var _ = server.listen(Integer.parseInt(arguments[0])).await();
    }

    private static void hello(Vertx vertx, HttpServerRequest request) {
        var ms = request.getParam("ms");
        if (ms == null) {
            var _ = request.response().end("Hello, world!\n");
        } else {
            var _ = vertx.setTimer(
                    Long.parseLong(ms), timer -> request.response().end("Hello, world!\n"));
        }
    }
}

package dev.baton.examples.servers;

import io.undertow.Undertow;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.BlockingHandler;
import io.undertow.util.Headers;
import java.util.ArrayDeque;
import java.util.Deque;

/** Undertow: {@code java UndertowServer PORT}. */
public final class UndertowServer {
    private UndertowServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     */
    public static void main(String[] arguments) {
        Undertow.builder()
                .addHttpListener(Integer.parseInt(arguments[0]), "0.0.0.0")
                .setHandler(hello())
                .build()
                .start();
    }

    /** {@return a handler that may block, so it runs on a worker thread} */
    static HttpHandler hello() {
        return new BlockingHandler(UndertowServer::hello);
    }

    private static void hello(HttpServerExchange exchange) {
        Deque<String> none = new ArrayDeque<>();
        Slow.work(exchange.getQueryParameters().getOrDefault("ms", none).peek());
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain");
        exchange.getResponseSender().send("Hello, world!\n");
    }
}

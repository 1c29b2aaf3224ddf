package dev.baton.examples.servers;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/** The server that comes with the JDK: {@code java JdkHttpServer PORT}. */
public final class JdkHttpServer {
    private JdkHttpServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     * @throws IOException if it cannot listen there
     */
    public static void main(String[] arguments) throws IOException {
        var server = HttpServer.create(new InetSocketAddress(Integer.parseInt(arguments[0])), 0);
        server.createContext("/", JdkHttpServer::hello);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    private static void hello(HttpExchange exchange) throws IOException {
        try (exchange) {
            var query = exchange.getRequestURI().getQuery();
            Slow.work(query == null ? null : query.substring("ms=".length()));
            var body = "Hello, world!\n".getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        }
    }
}

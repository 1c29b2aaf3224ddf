package dev.baton.examples.servers;

import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;

/** Helidon SE: {@code java HelidonServer PORT}. */
public final class HelidonServer {
    private HelidonServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     */
    public static void main(String[] arguments) {
        var _ = WebServer.builder()
                .port(Integer.parseInt(arguments[0]))
                .routing(routing -> routing.get("/", HelidonServer::hello).get("/slow", HelidonServer::hello))
                .build()
                .start();
    }

    private static void hello(ServerRequest request, ServerResponse response) {
        Slow.work(request.query().first("ms").orElse(null));
        response.send("Hello, world!\n");
    }
}

package dev.baton.examples.servers.javalin;

import io.javalin.Javalin;
import io.javalin.http.Context;

/** Javalin: {@code java JavalinServer PORT}. */
public final class JavalinServer {
    private JavalinServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     */
    public static void main(String[] arguments) {
        var app = Javalin.create(config -> {
            config.routes.get("/", context -> context.result("Hello, world!\n"));
            config.routes.get("/slow", JavalinServer::slow);
        });
        Runtime.getRuntime().addShutdownHook(new Thread(app::stop));
        var _ = app.start(Integer.parseInt(arguments[0]));
    }

    private static void slow(Context context) throws InterruptedException {
        Thread.sleep(Long.parseLong(String.valueOf(context.queryParam("ms"))));
        context.result("Hello, world!\n");
    }
}

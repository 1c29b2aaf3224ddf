package dev.baton.examples.servers;

import java.time.Duration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.GracefulHandler;

/** Jetty that waits for its requests when it stops: {@code java JettyGracefulServer PORT}. */
public final class JettyGracefulServer {
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private JettyGracefulServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     * @throws Exception if Jetty does not start
     */
    public static void main(String[] arguments) throws Exception {
        var server = new Server(Integer.parseInt(arguments[0]));
        server.setHandler(new GracefulHandler(new JettyServer.Hello()));
        server.setStopTimeout(STOP_TIMEOUT.toMillis());
        server.setStopAtShutdown(true);
        server.start();
        server.join();
    }
}

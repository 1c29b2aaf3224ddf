package dev.baton.benchmarks;

import java.io.File;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;

/**
 * A server that knows nothing of Baton and stops gracefully, as Jetty's guide shows it: {@code JettyServer PORT}, with
 * {@code reuse-port} behind it for a port that several processes listen at.
 */
public final class JettyServer {
    private static final Duration STOP_LIMIT = Duration.ofSeconds(10);
    private static final int BACKLOG = 4096;

    private JettyServer() {}

    /** What it needs, and no word of Baton: an agent steps back where it is on the class path. */
    static String classPath() {
        return Stream.of(JettyServer.class, Server.class, HttpHeader.class, Content.class, Callback.class, Logger.class)
                .map(Java::placeOf)
                .collect(Collectors.joining(File.pathSeparator));
    }

    static String version() {
        return "Jetty " + Server.class.getPackage().getImplementationVersion();
    }

    /**
     * Serves until SIGTERM.
     *
     * @param arguments the port, and whether it is shared
     * @throws Exception if Jetty does not start
     */
    public static void main(String[] arguments) throws Exception {
        var server = new Server();
        var connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(arguments[0]));
        connector.setAcceptQueueSize(BACKLOG);
        connector.setReusePort(arguments.length > 1);
        server.addConnector(connector);
        server.setHandler(new GracefulHandler(new Hello()));
        server.setStopTimeout(STOP_LIMIT.toMillis());
        server.setStopAtShutdown(true);
        server.start();
        server.join();
    }

    private static final class Hello extends Handler.Abstract {
        private static final String PID = Long.toString(ProcessHandle.current().pid());

        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            var ms = Request.extractQueryParameters(request).getValue("ms");
            if (ms != null) {
                work(Duration.ofMillis(Long.parseLong(ms)));
            }
            var headers = response.getHeaders();
            headers.put(HttpHeader.CONTENT_TYPE, "text/plain");
            headers.put("X-Pid", PID);
            headers.put("X-Generation", "0");
            Content.Sink.write(response, true, "Hello, world!\n", callback);
            return true;
        }

        private static void work(Duration time) {
            var end = System.nanoTime() + time.toNanos();
            for (long left = time.toNanos(); left > 0; left = end - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
        }
    }
}

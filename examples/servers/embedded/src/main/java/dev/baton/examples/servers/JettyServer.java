package dev.baton.examples.servers;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;

/** Jetty: {@code java JettyServer PORT}. */
public final class JettyServer {
    private JettyServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     * @throws Exception if Jetty does not start
     */
    public static void main(String[] arguments) throws Exception {
        var server = new Server(Integer.parseInt(arguments[0]));
        server.setHandler(new Hello());
        server.setStopAtShutdown(true);
        server.start();
        server.join();
    }

    static final class Hello extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            Slow.work(Request.extractQueryParameters(request).getValue("ms"));
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain");
            Content.Sink.write(response, true, "Hello, world!\n", callback);
            return true;
        }
    }
}

package dev.baton.cli;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;

/** A server of the JDK's that knows nothing of Baton and needs next to nothing to start; for comparisons. */
final class SmallServer {
    private static final int BACKLOG = 4096;

    private SmallServer() {}

    /**
     * Starts it in a JVM with no options but these, as users do.
     *
     * @throws IOException if it cannot be started
     */
    static Process start(InetSocketAddress address, Path log, List<String> options) throws IOException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of(
                "-Dsun.net.httpserver.nodelay=true",
                "-cp",
                System.getProperty("java.class.path"),
                SmallServer.class.getName(),
                Integer.toString(address.getPort())));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    /** Serves on a port of the loopback interface. */
    public static void main(String[] args) throws IOException {
        var body = "Hello, world!\n".getBytes(StandardCharsets.UTF_8);
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0]));
        var server = HttpServer.create(address, BACKLOG);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }
}

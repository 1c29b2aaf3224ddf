package dev.baton.agent.it;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A server that reads at its start what to do, one word or pair of words in a line: {@code java MoodyApp PORT FILE}. Each
 * generation may be given another mood.
 */
final class MoodyApp {
    private static final AtomicInteger ASKED = new AtomicInteger();
    private static volatile boolean isHealthy = true;
    private static Runnable said = () -> {};

    private MoodyApp() {}

    public static void main(String[] arguments) throws Exception {
        var port = Integer.parseInt(arguments[0]);
        var ports = new ArrayList<>(List.of(port));
        for (var line : Files.exists(Path.of(arguments[1])) ? Files.readAllLines(Path.of(arguments[1])) : List.of("")) {
            var words = line.split(" ", 2);
            switch (words[0]) {
                case "" -> {}
                case "busy" -> work(Duration.ofMillis(Long.parseLong(words[1])));
                case "silent" -> rest(Duration.ofMillis(Long.parseLong(words[1])));
                case "bind-none" -> {
                    rest(Duration.ofMinutes(10));
                    return;
                }
                case "instead" -> ports.set(0, Integer.parseInt(words[1]));
                case "also" -> ports.add(Integer.parseInt(words[1]));
                case "say" -> {
                    var text = words[1].split(" ", 2);
                    said = () -> after(Long.parseLong(text[0]), () -> System.out.println(text[1]));
                }
                case "sick" -> isHealthy = false;
                case "halt-after" ->
                    after(Long.parseLong(words[1]), () -> Runtime.getRuntime().halt(3));
                case "exit-after" -> after(Long.parseLong(words[1]), () -> System.exit(4));
                case "handle" -> {
                    var _ = dev.baton.jdk.Signals.on(
                            words[1], () -> System.err.println("the application got " + words[1]));
                }
                case "newer-java" -> load();
                default -> throw new IllegalArgumentException(line);
            }
        }
        for (var one : ports) {
            serve(one);
        }
        said.run();
    }

    private static void serve(int port) throws IOException {
        var server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", exchange -> {
            var path = exchange.getRequestURI().getPath();
            if (path.equals("/recover")) {
                isHealthy = true;
            }
            if (path.equals("/health")) {
                ASKED.incrementAndGet();
            }
            exchange.getResponseHeaders().set("X-Asked-For-Health", ASKED.toString());
            var body = "Hello, world!\n".getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(path.equals("/health") && !isHealthy ? 503 : 200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    private static void work(Duration time) {
        var end = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    private static void rest(Duration time) {
        var end = System.nanoTime() + time.toNanos();
        for (long left = time.toNanos(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static void after(long ms, Runnable what) {
        Thread.ofPlatform().daemon().start(() -> {
            rest(Duration.ofMillis(ms));
            what.run();
        });
    }

    /** As the JVM does with a main class compiled for a later Java. */
    private static void load() throws IOException {
        try (var in = MoodyApp.class.getResourceAsStream("MoodyApp.class")) {
            var classFile = java.util.Objects.requireNonNull(in).readAllBytes();
            classFile[7]++;
            new ClassLoader(null) {
                void define() {
                    defineClass(null, classFile, 0, classFile.length);
                }
            }.define();
        }
    }
}

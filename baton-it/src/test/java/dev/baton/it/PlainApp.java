package dev.baton.it;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.baton.it.Misdeed.Step;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What {@link App} is to those who ask, as an application that knows nothing of Baton, on the JDK's server: {@code java -Daddress=HOST:PORT
 * PlainApp DIRECTORY}. Its successors misbehave where such an application can tell where it stands: {@link #STEPS}.
 */
final class PlainApp {
    /** Its main has begun; it has bound; it has begun to accept, as far as it knows; it has answered. */
    static final Set<Step> STEPS = Set.of(Step.STARTED, Step.LISTENING, Step.READY, Step.ANSWERING);

    private static final int BACKLOG = 511;
    private static final int FIRST_ANSWERS = 5;
    private static final String PID = Long.toString(ProcessHandle.current().pid());

    private final Misdeed misdeed;
    private final AtomicLong answers = new AtomicLong();
    private final Set<String> seen = ConcurrentHashMap.newKeySet();

    private PlainApp(Path directory) {
        this.misdeed = Misdeed.ofThisProcess(directory);
    }

    public static void main(String[] args) throws Exception {
        var address = System.getProperty("address").split(":", 2);
        new PlainApp(Path.of(args[0])).run(new InetSocketAddress(address[0], Integer.parseInt(address[1])));
    }

    private void run(InetSocketAddress address) throws Exception {
        misdeed.at(Step.STARTED);
        var server = HttpServer.create(address, BACKLOG);
        misdeed.at(Step.LISTENING);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::answer);
        server.start();
        misdeed.note("ready");
        misdeed.at(Step.READY);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            var query = query(exchange);
            var path = exchange.getRequestURI().getPath();
            if (path.equals("/saw")) {
                send(exchange, seen.contains(query.get("request")) + "\n");
                return;
            }
            var number = exchange.getRequestHeaders().getFirst("x-seq");
            seen.add(exchange.getRemoteAddress().getPort() + "-" + Objects.requireNonNullElse(number, ""));
            if (answers.incrementAndGet() == FIRST_ANSWERS) {
                misdeed.at(Step.ANSWERING);
            }
            if (number != null) {
                exchange.getResponseHeaders().set("x-seq", number);
            }
            send(
                    exchange,
                    switch (path) {
                        case "/upload" ->
                            "received=" + exchange.getRequestBody().transferTo(OutputStream.nullOutputStream()) + "\n";
                        case "/slow" -> {
                            pause(Duration.ofMillis(Long.parseLong(query.getOrDefault("ms", "1000"))));
                            yield "Hello, world!\n";
                        }
                        default -> "Hello, world!\n";
                    });
        } catch (RuntimeException | IOException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e);
        }
    }

    private static Map<String, String> query(HttpExchange exchange) {
        var query = Objects.requireNonNullElse(exchange.getRequestURI().getQuery(), "");
        return Stream.of(query.split("&"))
                .map(parameter -> parameter.split("=", 2))
                .filter(parts -> parts.length == 2)
                .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1]));
    }

    private static void send(HttpExchange exchange, String text) throws IOException {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("x-pid", PID);
        exchange.sendResponseHeaders(200, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static void pause(Duration time) {
        var end = System.nanoTime() + time.toNanos();
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}

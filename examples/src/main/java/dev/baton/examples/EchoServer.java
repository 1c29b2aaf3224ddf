package dev.baton.examples;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Listener;
import dev.baton.Open;
import dev.baton.Server;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Sends each line back. While it drains it says "bye" after the next line of each client, and closes. */
final class EchoServer implements Server {
    private final Listener listener;
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();
    private @Nullable ServerSocketChannel accepting;
    private @Nullable Thread acceptor;
    private volatile boolean draining;
    private volatile CompletableFuture<Void> drained = new CompletableFuture<>();

    EchoServer(Listener listener) {
        this.listener = listener;
    }

    /** Closing wakes the accept; a connection it had taken by then is served. The listener itself stays open. */
    @Override
    public void pause() throws Exception {
        if (accepting != null && acceptor != null) {
            accepting.close();
            acceptor.join();
            accepting = null;
        }
    }

    @Override
    public void resume() throws Exception {
        draining = false;
        drained.complete(null);
        if (accepting == null) {
            var channel = listener.channel();
            accepting = channel;
            acceptor = Thread.ofPlatform().name("echo-accept").start(() -> accept(channel));
        }
    }

    @Override
    public Drained drain(Deadline deadline) throws Exception {
        var over = new CompletableFuture<Void>();
        drained = over;
        draining = true;
        deadline.onPassed(() -> over.complete(null));
        int begun = connections.size();
        endIfDrained();
        over.join();
        int cut = 0;
        if (draining) { // else it was called off
            for (var connection : connections) {
                connection.close();
                cut++;
            }
        }
        return new Drained(begun - cut, cut, 0);
    }

    @Override
    public Open open() {
        return new Open(connections.size(), 0, Duration.ZERO);
    }

    private void accept(ServerSocketChannel channel) {
        try {
            while (true) {
                var connection = channel.accept().socket();
                connections.add(connection);
                Thread.startVirtualThread(() -> serve(connection));
            }
        } catch (ClosedChannelException e) {
            // Paused.
        } catch (IOException e) {
            System.getLogger("echo").log(System.Logger.Level.ERROR, "cannot accept on " + listener.address(), e);
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            var lines = new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8));
            var out = connection.getOutputStream();
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                var last = draining;
                out.write((line + (last ? "\nbye\n" : "\n")).getBytes(StandardCharsets.UTF_8));
                if (last) {
                    break;
                }
            }
        } catch (IOException e) {
            // The client has gone, or the drain has cut it.
        } finally {
            connections.remove(connection);
            endIfDrained();
        }
    }

    private void endIfDrained() {
        if (draining && connections.isEmpty()) {
            drained.complete(null);
        }
    }
}

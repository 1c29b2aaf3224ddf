package dev.baton.netty;

import static org.awaitility.Awaitility.await;

import dev.baton.Deadline;
import dev.baton.Drained;
import dev.baton.Passage;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** A server on a port of its own. */
final class Running implements AutoCloseable {
    final HttpServer server;
    final TestListener listener;

    private Running(HttpServer server, TestListener listener) {
        this.server = server;
        this.listener = listener;
    }

    static Running on(HttpServer.Builder builder) throws Exception {
        return on(builder, true);
    }

    static Running on(HttpServer.Builder builder, boolean nativeTransport) throws Exception {
        var server = builder.nativeTransport(nativeTransport).build();
        var listener = TestListener.tcp(nativeTransport);
        TestBaton.serve(server, listener);
        return new Running(server, listener);
    }

    static Running on(Handler handler) throws Exception {
        return on(HttpServer.builder(handler));
    }

    Wire connect() throws IOException {
        return new Wire(listener.port());
    }

    /** Begins to drain and returns when answers announce the close. */
    CompletableFuture<Drained> drain(Deadline deadline) {
        return draining(() -> server.drain(deadline));
    }

    /** Begins to drain, with a way to a successor. */
    CompletableFuture<Drained> drain(Deadline deadline, Passage passage) {
        return draining(() -> server.drain(deadline, passage));
    }

    private CompletableFuture<Drained> draining(Callable<Drained> drain) {
        var drained = CompletableFuture.supplyAsync(() -> {
            try {
                return drain.call();
            } catch (Exception e) {
                throw new CompletionException(e);
            }
        });
        await().until(server::isDraining);
        return drained;
    }

    @Override
    public void close() throws IOException {
        if (!server.isDraining()) {
            drain(Deadline.after(Duration.ZERO)).join();
        }
        listener.close();
    }
}

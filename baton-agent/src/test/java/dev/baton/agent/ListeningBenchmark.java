package dev.baton.agent;

import dev.baton.linux.Listeners;
import dev.baton.linux.OwnedDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A listener with which a selector waits is fenced and unfenced; one that was inherited is put in the place of a socket. */
@State(Scope.Thread)
@SuppressWarnings("NullAway.Init")
public class ListeningBenchmark {
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final int BACKLOG = 128;

    private ServerSocketChannel server;
    private Selector selector;
    private Listening listening;
    private OwnedDescriptor inherited;
    private OwnedDescriptor own;

    @Setup
    public void open() throws IOException {
        server = ServerSocketChannel.open().bind(ANY_PORT);
        server.configureBlocking(false);
        selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        selector.selectNow();
        listening =
                Listening.opened("fenced", ListeningTest.number(server.socket().getLocalPort()));
        inherited = Listeners.bind(ANY_PORT, BACKLOG);
        own = Listeners.bind(ANY_PORT, BACKLOG);
    }

    @Benchmark
    public void fenceAndUnfence() throws IOException {
        listening.pause();
        listening.resume();
    }

    @Benchmark
    public Object adopt() throws IOException {
        var adopted = Listening.adopt("adopted", own.number(), inherited.duplicate());
        adopted.listening().close();
        return adopted;
    }

    @TearDown
    public void close() throws IOException {
        selector.close();
        server.close();
        inherited.close();
        own.close();
    }
}

package dev.baton.netty;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.baton.Listener;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;

/** A listening socket that outlives the server on it, as Baton's do. */
final class TestListener implements Listener, AutoCloseable {
    @SuppressWarnings("restricted")
    private static final MethodHandle DUP = Linker.nativeLinker()
            .downcallHandle(
                    Linker.nativeLinker().defaultLookup().findOrThrow("dup"),
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT));

    private final Socket socket;
    private final ServerSocketChannel channel;
    private final SocketAddress address;

    private TestListener(Socket socket, ServerSocketChannel channel, SocketAddress address) {
        this.socket = socket;
        this.channel = channel;
        this.address = address;
    }

    /** On a free port; the descriptor and the channel are two sockets, since the JDK has no way from one to the other. */
    static TestListener tcp(boolean nativeTransport) throws IOException {
        var channel = ServerSocketChannel.open();
        if (!nativeTransport) {
            channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            return new TestListener(anySocket(), channel, channel.getLocalAddress());
        }
        var socket = anySocket();
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        socket.listen(128);
        return new TestListener(socket, channel, socket.localAddress());
    }

    static TestListener unix(Path path) throws IOException {
        Epoll.ensureAvailability();
        var socket = Socket.newSocketDomain();
        socket.bind(new DomainSocketAddress(path.toString()));
        socket.listen(128);
        return new TestListener(socket, ServerSocketChannel.open(), UnixDomainSocketAddress.of(path));
    }

    private static Socket anySocket() {
        Epoll.ensureAvailability();
        return Socket.newSocketStream();
    }

    int port() {
        return ((InetSocketAddress) address).getPort();
    }

    @Override
    public String name() {
        return "test";
    }

    @Override
    public SocketAddress address() {
        return address;
    }

    @Override
    public boolean isInherited() {
        return false;
    }

    @Override
    public int duplicate() {
        return duplicate(socket.intValue());
    }

    static int duplicate(int descriptor) {
        try {
            return (int) DUP.invokeExact(descriptor);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public ServerSocketChannel channel() {
        return channel;
    }

    @Override
    public void close() throws IOException {
        socket.close();
        channel.close();
    }
}

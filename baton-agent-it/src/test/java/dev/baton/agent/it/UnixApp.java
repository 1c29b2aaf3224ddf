package dev.baton.agent.it;

import com.sun.net.httpserver.HttpServer;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Tells its pid to whoever connects to a Unix-domain socket, and says hello at a port: {@code java UnixApp PORT
 * thread|netty PATH}. It cleans up as is usual: the file is deleted before it binds and when it stops.
 */
final class UnixApp {
    private UnixApp() {}

    public static void main(String[] arguments) throws Exception {
        var path = Path.of(arguments[2]);
        Files.deleteIfExists(path);
        if (arguments[1].equals("netty")) {
            netty(path);
        } else {
            thread(path);
        }
        var hello = HttpServer.create(new InetSocketAddress(Integer.parseInt(arguments[0])), 0);
        hello.createContext("/", exchange -> {
            var body = "Hello, world!\n".getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        hello.start();
    }

    private static byte[] pid() {
        return Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII);
    }

    private static void thread(Path path) throws IOException {
        var listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(path));
        if (!listener.getLocalAddress().equals(UnixDomainSocketAddress.of(path))) {
            throw new IllegalStateException("bound to " + listener.getLocalAddress());
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                listener.close();
                Files.delete(path);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }));
        Thread.ofPlatform().daemon().start(() -> {
            try {
                while (true) {
                    try (var one = listener.accept()) {
                        one.write(ByteBuffer.wrap(pid()));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static void netty(Path path) throws InterruptedException {
        var server = new ServerBootstrap()
                .group(new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory()))
                .channel(EpollServerDomainSocketChannel.class)
                .childHandler(new ChannelInitializer<DomainSocketChannel>() {
                    @Override
                    protected void initChannel(DomainSocketChannel child) {
                        child.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                            @Override
                            public void channelActive(ChannelHandlerContext context) {
                                var _ = context.writeAndFlush(Unpooled.wrappedBuffer(pid()))
                                        .addListener(ChannelFutureListener.CLOSE);
                            }
                        });
                    }
                })
                .bind(new DomainSocketAddress(path.toString()))
                .sync()
                .channel();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> server.close().syncUninterruptibly()));
    }
}

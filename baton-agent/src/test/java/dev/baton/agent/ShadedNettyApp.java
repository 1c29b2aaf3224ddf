package dev.baton.agent;

import io.grpc.netty.shaded.io.netty.bootstrap.ServerBootstrap;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.ChannelFutureListener;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInitializer;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.SimpleChannelInboundHandler;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.SocketChannel;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** The same on a Netty that was relocated with its native library: {@code java ShadedNettyApp PORT}. */
final class ShadedNettyApp {
    private static final Pattern MS = Pattern.compile("[?]ms=(\\d+)");

    private ShadedNettyApp() {}

    public static void main(String[] arguments) throws Exception {
        var server = new ServerBootstrap()
                .group(new MultiThreadIoEventLoopGroup(2, EpollIoHandler.newFactory()))
                .channel(EpollServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 500)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel child) {
                        child.pipeline().addLast(new Hello());
                    }
                })
                .bind(Integer.parseInt(arguments[0]))
                .sync()
                .channel();
        var bound = (InetSocketAddress) server.localAddress();
        if (bound.getPort() != Integer.parseInt(arguments[0])) {
            throw new IllegalStateException("bound to " + bound);
        }
        var _ = server.closeFuture().sync();
    }

    private static final class Hello extends SimpleChannelInboundHandler<ByteBuf> {
        private final StringBuilder head = new StringBuilder();

        @Override
        protected void channelRead0(ChannelHandlerContext context, ByteBuf bytes) {
            head.append(bytes.toString(StandardCharsets.US_ASCII));
            if (head.indexOf("\r\n\r\n") < 0) {
                return;
            }
            var request = head.toString();
            head.setLength(0);
            var ms = MS.matcher(request);
            var _ = context.executor()
                    .schedule(
                            () -> answer(context, request.contains("Connection: close")),
                            ms.find() ? Long.parseLong(ms.group(1)) : 0,
                            TimeUnit.MILLISECONDS);
        }

        private static void answer(ChannelHandlerContext context, boolean isLast) {
            var answer = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n" + (isLast ? "Connection: close\r\n" : "")
                    + "\r\nHello, world!\n";
            var written = context.writeAndFlush(Unpooled.copiedBuffer(answer, StandardCharsets.US_ASCII));
            if (isLast) {
                var _ = written.addListener(ChannelFutureListener.CLOSE);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            var _ = context.close();
        }
    }
}

package dev.baton.agent.it;

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
    private static final String END = "\r\n\r\n";
    private static final String HELLO = "Hello, world!\n";

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
        private final StringBuilder received = new StringBuilder();
        private boolean isAnswering;

        @Override
        protected void channelRead0(ChannelHandlerContext context, ByteBuf bytes) {
            received.append(bytes.toString(StandardCharsets.US_ASCII));
            next(context);
        }

        private void next(ChannelHandlerContext context) {
            var end = received.indexOf(END);
            if (isAnswering || end < 0) {
                return;
            }
            isAnswering = true;
            var request = received.substring(0, end + END.length());
            received.delete(0, request.length());
            var ms = MS.matcher(request);
            var _ = context.executor()
                    .schedule(
                            () -> {
                                answer(context, request);
                                isAnswering = false;
                                next(context);
                            },
                            ms.find() ? Long.parseLong(ms.group(1)) : 0,
                            TimeUnit.MILLISECONDS);
        }

        private static void answer(ChannelHandlerContext context, String request) {
            var client = (InetSocketAddress) context.channel().remoteAddress();
            var isLast = request.contains("Connection: close");
            var head = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nX-Peer: "
                    + client.getAddress().getHostAddress()
                    + "\r\nX-Peer-Port: " + client.getPort() + "\r\nX-Pid: "
                    + ProcessHandle.current().pid() + (isLast ? "\r\nConnection: close" : "") + END;
            var _ = context.write(Unpooled.copiedBuffer(head, StandardCharsets.US_ASCII));
            var written = context.writeAndFlush(Unpooled.copiedBuffer(HELLO, StandardCharsets.US_ASCII));
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

package dev.baton.agent;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** Netty on a native transport, knowing nothing of Baton: {@code java NettyApp PORT epoll|io_uring}. */
final class NettyApp {
    private static final Pattern MS = Pattern.compile("[?]ms=(\\d+)");

    private NettyApp() {}

    public static void main(String[] arguments) throws Exception {
        IoHandlerFactory loop;
        Class<? extends ServerChannel> channel;
        if (arguments[1].equals("io_uring")) {
            loop = IoUringIoHandler.newFactory();
            channel = IoUringServerSocketChannel.class;
        } else {
            loop = EpollIoHandler.newFactory();
            channel = EpollServerSocketChannel.class;
        }
        var server = new ServerBootstrap()
                .group(new MultiThreadIoEventLoopGroup(2, loop))
                .channel(channel)
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

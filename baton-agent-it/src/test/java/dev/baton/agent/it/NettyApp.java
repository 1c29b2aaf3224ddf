package dev.baton.agent.it;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledDirectByteBuf;
import io.netty.buffer.UnpooledHeapByteBuf;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * Netty on a native transport, knowing nothing of Baton: {@code java NettyApp PORT epoll|buffers|io_uring}. It answers with its
 * pid and the address of the client in the head, and {@code /file} by sendfile(2). With {@code buffers} it is epoll that knows
 * no buffer by its address.
 */
final class NettyApp {
    private static final Pattern MS = Pattern.compile("[?]ms=(\\d+)");
    private static final String END = "\r\n\r\n";
    private static final String HELLO = "Hello, world!\n";

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
                .childOption(
                        ChannelOption.ALLOCATOR,
                        arguments[1].equals("buffers") ? new Addressless() : ByteBufAllocator.DEFAULT)
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
            var written = write(context, head, request.startsWith("GET /file "));
            if (isLast) {
                var _ = written.addListener(ChannelFutureListener.CLOSE);
            }
        }

        private static ChannelFuture write(ChannelHandlerContext context, String head, boolean isFile) {
            if (context.alloc() instanceof Addressless) {
                var whole = context.alloc().compositeDirectBuffer(2);
                for (var part : List.of(head, HELLO)) {
                    var _ = whole.addComponent(
                            true, context.alloc().directBuffer().writeBytes(part.getBytes(StandardCharsets.US_ASCII)));
                }
                return context.writeAndFlush(whole);
            }
            var _ = context.write(Unpooled.copiedBuffer(head, StandardCharsets.US_ASCII));
            return context.writeAndFlush(isFile ? file() : Unpooled.copiedBuffer(HELLO, StandardCharsets.US_ASCII));
        }

        private static Object file() {
            try {
                var file = Files.writeString(Files.createTempFile("hello", ".txt"), HELLO);
                var region = new DefaultFileRegion(FileChannel.open(file), 0, HELLO.length());
                Files.delete(file);
                return region;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            var _ = context.close();
        }
    }

    private static final class Addressless extends AbstractByteBufAllocator {
        @Override
        public boolean isDirectBufferPooled() {
            return false;
        }

        @Override
        protected ByteBuf newHeapBuffer(int capacity, int most) {
            return new UnpooledHeapByteBuf(this, capacity, most);
        }

        @Override
        protected ByteBuf newDirectBuffer(int capacity, int most) {
            return new UnpooledDirectByteBuf(this, capacity, most) {
                @Override
                public boolean hasMemoryAddress() {
                    return false;
                }
            };
        }
    }
}

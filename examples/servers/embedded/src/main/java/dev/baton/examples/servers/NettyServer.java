package dev.baton.examples.servers;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Netty: {@code java NettyServer PORT [nio|epoll|io_uring]}. */
public final class NettyServer {
    private static final int MOST_BYTES = 65536;

    private NettyServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port, and the transport
     * @throws InterruptedException if it is interrupted
     */
    public static void main(String[] arguments) throws InterruptedException {
        var transport = arguments.length > 1 ? arguments[1] : "nio";
        var group = new MultiThreadIoEventLoopGroup(
                switch (transport) {
                    case "epoll" -> EpollIoHandler.newFactory();
                    case "io_uring" -> IoUringIoHandler.newFactory();
                    default -> NioIoHandler.newFactory();
                });
        var server = new ServerBootstrap()
                .group(group)
                .channel(
                        switch (transport) {
                            case "epoll" -> EpollServerSocketChannel.class;
                            case "io_uring" -> IoUringServerSocketChannel.class;
                            default -> NioServerSocketChannel.class;
                        })
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline()
                                .addLast(new HttpServerCodec(), new HttpObjectAggregator(MOST_BYTES), new Hello());
                    }
                })
                .bind(Integer.parseInt(arguments[0]))
                .sync();
        var _ = server.channel().closeFuture().sync();
    }

    private static final class Hello extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            var keepAlive = HttpUtil.isKeepAlive(request);
            var ms = new QueryStringDecoder(request.uri())
                    .parameters()
                    .getOrDefault("ms", List.of("0"))
                    .getFirst();
            var _ = context.executor()
                    .schedule(() -> answer(context, keepAlive), Long.parseLong(ms), TimeUnit.MILLISECONDS);
        }

        private static void answer(ChannelHandlerContext context, boolean keepAlive) {
            var body = Unpooled.copiedBuffer("Hello, world!\n", StandardCharsets.US_ASCII);
            var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
            HttpUtil.setContentLength(response, body.readableBytes());
            HttpUtil.setKeepAlive(response, keepAlive);
            var written = context.writeAndFlush(response);
            if (!keepAlive) {
                var _ = written.addListener(ChannelFutureListener.CLOSE);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            var _ = context.close();
        }
    }
}

package dev.baton.netty;

import dev.baton.Listener;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;

/** How event loops and sockets meet: epoll where it can be loaded, NIO otherwise. */
enum Transport {
    EPOLL {
        @Override
        EventLoopGroup eventLoops(int count) {
            return new MultiThreadIoEventLoopGroup(count, threads(), EpollIoHandler.newFactory());
        }

        @Override
        ServerChannel open(Listener listener) throws IOException {
            var descriptor = listener.duplicate();
            return listener.address() instanceof UnixDomainSocketAddress
                    ? new EpollServerDomainSocketChannel(descriptor, true)
                    : new EpollServerSocketChannel(descriptor);
        }

        @Override
        ServerChannel unbound() {
            return new EpollServerSocketChannel();
        }
    },

    NIO {
        @Override
        EventLoopGroup eventLoops(int count) {
            return new MultiThreadIoEventLoopGroup(count, threads(), NioIoHandler.newFactory());
        }

        // Netty's NIO channel for Unix sockets deletes the path when it closes, and the path is the successor's.
        @Override
        ServerChannel open(Listener listener) throws IOException {
            if (listener.address() instanceof UnixDomainSocketAddress) {
                throw new IOException("cannot serve on %s (%s): a Unix-domain listener needs epoll, which is %s"
                        .formatted(listener.name(), listener.address(), reason()));
            }
            return new NioServerSocketChannel(listener.channel());
        }

        @Override
        ServerChannel unbound() {
            return new NioServerSocketChannel();
        }

        private String reason() {
            return Epoll.isAvailable()
                    ? "switched off (nativeTransport(false) or -Ddev.baton.netty.nio=true)"
                    : "not available: " + Epoll.unavailabilityCause();
        }
    };

    abstract EventLoopGroup eventLoops(int count);

    /** A channel over the listener's socket, active when registered. */
    abstract ServerChannel open(Listener listener) throws IOException;

    /** A channel of its own for TCP, to be bound. */
    abstract ServerChannel unbound();

    static Transport choose(boolean nativeTransport) {
        return nativeTransport && !Boolean.getBoolean("dev.baton.netty.nio") && Epoll.isAvailable() ? EPOLL : NIO;
    }

    /** A channel over a connection's socket, which it owns from now on. With epoll only. */
    static Channel adopt(Listener listener, int descriptor) {
        return listener.address() instanceof UnixDomainSocketAddress
                ? new EpollDomainSocketChannel(descriptor)
                : new EpollSocketChannel(descriptor);
    }

    private static DefaultThreadFactory threads() {
        return new DefaultThreadFactory("baton-http", true);
    }

    /** The address of a client in the JDK's classes; a client of a Unix-domain socket has an empty one. */
    static SocketAddress address(Channel channel) {
        var connection = channel.remoteAddress() == null && channel.parent() != null ? channel.parent() : channel;
        return switch (connection.remoteAddress()) {
            case InetSocketAddress inet -> inet;
            case DomainSocketAddress unix -> UnixDomainSocketAddress.of(unix.path());
            case null, default -> UnixDomainSocketAddress.of("");
        };
    }
}

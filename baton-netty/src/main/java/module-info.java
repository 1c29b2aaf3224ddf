/** An HTTP server on Netty that hands over without loss. */
module dev.baton.netty {
    requires static org.jspecify;
    requires transitive dev.baton;
    requires io.netty.buffer;
    requires io.netty.codec;
    requires io.netty.codec.http;
    requires io.netty.codec.http2;
    requires io.netty.common;
    requires io.netty.handler;
    requires io.netty.transport;
    requires io.netty.transport.classes.epoll;
    requires io.netty.transport.unix.common;

    exports dev.baton.netty;
}

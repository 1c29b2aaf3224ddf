package dev.baton.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;

/** What carries one exchange: an HTTP/1.1 connection in its turn, or an HTTP/2 stream. Owned by its event loop. */
sealed interface Carrier permits Http1Connection, Http2Stream {
    /** Any thread. */
    Channel channel();

    /** Takes the next piece of the body from the network; the first time it tells a waiting client to go on. */
    void pull();

    /** Writes the head, a piece of the body, or both in one. */
    void write(HttpObject part, ChannelPromise written);

    /** Answers 101 and leaves the connection to a tunnel. */
    void upgrade(HttpResponse head, Tunnel tunnel);

    /** Ends the exchange so that the client does not take a part for the whole. */
    void abort();
}

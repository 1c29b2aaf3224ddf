package dev.baton.agent;

import java.util.Set;

/** The servers whose live connections are moved without being asked for, because it was proven with them. */
final class Movable {
    private static final int DEEP = 64;

    /** A class of each that is at work when it opens its listener. */
    private static final Set<String> OPENERS = Set.of(
            "sun.net.httpserver.ServerImpl",
            "org.apache.tomcat.util.net.NioEndpoint",
            "org.eclipse.jetty.server.ServerConnector",
            "org.xnio.nio.NioXnioWorker", // Undertow
            "io.helidon.webserver.ServerListener",
            "io.netty.channel.socket.nio.NioServerSocketChannel");

    /** Under whatever package it was relocated to. */
    private static final String NETTY = "io.netty.channel.epoll.EpollServerSocketChannel";

    private Movable() {}

    /** {@return whether the calling thread is opening the listener of such a server} */
    static boolean isOpening() {
        // Of the ways to see the stack, the one that is ready when a JVM has just started.
        var frames = new Throwable().getStackTrace();
        for (int i = 0; i < Math.min(frames.length, DEEP); i++) {
            var name = frames[i].getClassName();
            if (OPENERS.contains(name) || name.endsWith(NETTY)) {
                return true;
            }
        }
        return false;
    }
}

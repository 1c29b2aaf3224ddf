package dev.baton.netty;

import dev.baton.Baton;
import dev.baton.Deadline;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * What a successor asks itself before it is ready. A JVM is slow at what it does for the first time, and without this the first
 * to feel that would be all clients at once. The requests go through a port of the loopback interface that is there as long.
 *
 * @param path what is asked for
 * @param requests how often
 */
record WarmUp(String path, int requests) {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final int ANSWER_MS = 2000;
    private static final int TELL_EVERY = 100;

    /** Does it, and returns when all are answered, one is not, or the time is over. Nothing is wrong then but the pace. */
    void run(HttpServer server, Acceptor acceptor, Baton baton) throws InterruptedException {
        int asked = 0;
        try {
            acceptor.start();
            var address = acceptor.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            acceptor.resume();
            var limit = Deadline.after(LIMIT);
            for (; asked < requests && !limit.isPassed(); asked++) {
                if (asked % TELL_EVERY == 0) {
                    baton.progress("warming up, " + asked + " of " + requests + " requests");
                }
                ask(address, server.tls().isPresent());
            }
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            server.log().log(Level.WARNING, "the warm-up ended early: {0}: {1}", path, e.getMessage());
        } finally {
            acceptor.close();
        }
        if (asked < requests) {
            server.log().log(
                    Level.WARNING, "warmed up with {0} of {1} requests in {2}; serving", asked, requests, LIMIT);
        }
    }

    private void ask(InetSocketAddress address, boolean isSecure) throws IOException {
        try (var plain = new Socket()) {
            plain.connect(address, ANSWER_MS);
            plain.setSoTimeout(ANSWER_MS);
            var socket = isSecure ? secured(plain) : plain;
            var request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            var _ = socket.getInputStream().readAllBytes();
        }
    }

    /** It speaks to itself; whose certificate that is does not matter. */
    private static Socket secured(Socket plain) throws IOException {
        var client = (JdkSslContext) SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .trustManager(InsecureTrustManagerFactory.INSTANCE)
                .build();
        return client.context().getSocketFactory().createSocket(plain, "localhost", plain.getPort(), true);
    }
}

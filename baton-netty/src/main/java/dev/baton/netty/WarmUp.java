package dev.baton.netty;

import static dev.baton.log.Log.LOG;

import dev.baton.Baton;
import dev.baton.Deadline;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.EOFException;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * What a successor asks itself before it is ready. A JVM is slow at what it does for the first time, and without this the first
 * to feel that would be all clients at once. The requests go through a port of the loopback interface that is there as long,
 * and at which nobody else is served.
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
        int answered = 0;
        var reason = "after " + LIMIT.toSeconds() + " s";
        try {
            var tls = server.tls().isPresent() ? trustingAnybody() : null;
            acceptor.start();
            var address = acceptor.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            var limit = Deadline.after(LIMIT);
            for (; answered < requests && !limit.isPassed(); answered++) {
                if (answered % TELL_EVERY == 0) {
                    baton.progress("warming up, " + answered + " of " + requests + " requests");
                }
                ask(acceptor, address, tls);
            }
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            reason = e.toString();
        } finally {
            acceptor.close();
        }
        if (answered < requests) {
            LOG.log(
                    Level.WARNING,
                    "the warm-up ended early, with %d of %d requests for %s: %s; serving all the same"
                            .formatted(answered, requests, path, reason));
        }
    }

    private void ask(Acceptor acceptor, InetSocketAddress address, @Nullable SSLSocketFactory tls) throws Exception {
        try (var plain = new Socket()) {
            plain.bind(new InetSocketAddress(address.getAddress(), 0));
            acceptor.resumeFor(plain.getLocalSocketAddress());
            plain.connect(address, ANSWER_MS);
            plain.setSoTimeout(ANSWER_MS);
            var socket = tls == null ? plain : tls.createSocket(plain, "localhost", plain.getPort(), true);
            var request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            if (socket.getInputStream().readAllBytes().length == 0) {
                throw new EOFException("no answer");
            }
        }
    }

    /** It speaks to itself; whose certificate that is does not matter. */
    private static SSLSocketFactory trustingAnybody() throws SSLException {
        var client = (JdkSslContext) SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .trustManager(InsecureTrustManagerFactory.INSTANCE)
                .build();
        return client.context().getSocketFactory();
    }
}

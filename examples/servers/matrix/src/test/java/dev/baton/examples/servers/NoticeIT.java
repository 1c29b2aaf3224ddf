package dev.baton.examples.servers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.agent.it.Unmodified;
import dev.baton.load.Keys;
import dev.baton.load.Load;
import dev.baton.load.ScriptedClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A kept-alive connection that stays with a server is told of its close with an answer, so that no request crosses it. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class NoticeIT {
    private static final int CONNECTIONS = 8;
    private static final String REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    private static final Duration PAUSE = Duration.ofMillis(400);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @EnumSource(names = {"TOMCAT", "JETTY", "UNDERTOW", "NETTY", "VERTX"})
    void shouldAnnounceTheClose(Server server) throws Exception {
        try (var app = Unmodified.start(directory, Map.of("BATON_MOVE", "off"), List.of(), server::command)) {
            var _ = app.awaitIncumbent(1);
            var load = Load.on(app.address())
                    .keepAlive(CONNECTIONS, PAUSE)
                    .limit(LIMIT)
                    .start();
            System.err.println("seed " + load.seed());
            await().atMost(LIMIT).until(() -> load.snapshot().answered() > 5 * CONNECTIONS);

            app.restartBySignal(1);
            var report = load.stop();

            assertThat(report.lost()).as(report::toTable).isZero();
            assertThat(report.closedWithoutNotice()).as(report::toTable).isZero();
            assertThat(report.closedWithNotice()).as(report::toTable).isEqualTo(CONNECTIONS);
        }
    }

    /** What goes below TLS cannot move. */
    @ParameterizedTest
    @EnumSource(names = {"SPRING_BOOT_JETTY", "HELIDON", "MICRONAUT"})
    void shouldAnnounceTheCloseBelowTls(Server server) throws Exception {
        var keys = Keys.in(directory);
        shouldBeTold(server, keys, address -> {
            var client = ScriptedClient.secured(address, keys.trusted()).within(LIMIT);
            return () -> "close".equals(client.send(REQUEST).expectAnswer(200).header("Connection"));
        });
    }

    /** GOAWAY comes with an answer; streams go on. */
    @ParameterizedTest
    @EnumSource(names = {"SPRING_BOOT_TOMCAT", "SPRING_BOOT_NETTY", "QUARKUS"})
    void shouldAnnounceTheCloseOfHttp2BelowTls(Server server) throws Exception {
        var keys = Keys.in(directory);
        shouldBeTold(server, keys, address -> {
            var client = new Http2Client(
                    ScriptedClient.secured(address, keys.trusted(), "h2").within(LIMIT));
            return client::ask;
        });
    }

    private interface Conversation {
        /** Asks, and {@return whether the answer announces the close} */
        boolean ask() throws IOException;
    }

    private interface Beginning {
        Conversation with(InetSocketAddress address) throws Exception;
    }

    private void shouldBeTold(Server server, Keys keys, Beginning beginning) throws Exception {
        try (var app = Unmodified.start(directory, Map.of(), List.of(), port -> server.command(port, keys));
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var _ = app.awaitIncumbent(1);
            var told = new ArrayList<Future<Integer>>();
            for (int i = 0; i < CONNECTIONS; i++) {
                var conversation = beginning.with(app.address());
                told.add(threads.submit(() -> untilTold(conversation)));
            }

            app.restartBySignal(1);

            for (var answers : told) {
                assertThat(answers.get()).isPositive();
            }
        }
    }

    /** Asks until an answer announces the close, and {@return how many came} */
    private static int untilTold(Conversation conversation) throws IOException {
        for (int answers = 1; ; answers++) {
            if (conversation.ask()) {
                return answers;
            }
            LockSupport.parkNanos(PAUSE.toNanos());
        }
    }
}

package dev.baton.agent.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A Unix-domain listener goes to the successor, and its file stays though both generations delete it. */
@Timeout(200)
class UnixDomainIT {
    private static final List<String> NATIVE = List.of("--enable-native-access=ALL-UNNAMED");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"thread", "netty"})
    void shouldRefuseNobodyAndLeaveNoFileBehind(String kind) throws Exception {
        var path = directory.resolve("service.sock");
        try (var app = Unmodified.start(directory, NATIVE, UnixApp.class, kind, path.toString())) {
            var failures = new ConcurrentLinkedQueue<String>();
            var answered = new AtomicInteger();
            var isOver = new AtomicBoolean();
            var client = Thread.ofPlatform().daemon().start(() -> {
                while (!isOver.get()) {
                    try {
                        assertThat(ask(path)).isNotEmpty();
                        answered.incrementAndGet();
                    } catch (IOException | AssertionError e) {
                        failures.add(String.valueOf(e));
                    }
                    java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
                }
            });
            app.restartBySignal(1);
            app.restartBySignal(2);
            isOver.set(true);
            client.join();

            assertThat(failures).isEmpty();
            assertThat(answered).hasPositiveValue();
            var last = app.awaitIncumbent(3).pid();
            assertThat(ask(path)).isEqualTo(Long.toString(last));

            ProcessHandle.of(last).orElseThrow().destroy();
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> ProcessHandle.of(last).isEmpty());
            assertThat(Files.exists(path)).isFalse();
        }
    }

    private static String ask(Path path) throws IOException {
        try (var channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            return new String(Channels.newInputStream(channel).readAllBytes(), US_ASCII);
        }
    }
}

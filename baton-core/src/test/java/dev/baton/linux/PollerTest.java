package dev.baton.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PollerTest {
    private static final Duration LONG = Duration.ofSeconds(50);

    private Poller poller;
    private PacketSocket a;
    private PacketSocket b;

    @BeforeEach
    void open() throws LinuxException {
        poller = new Poller();
        var pair = PacketSocket.pair();
        a = pair.get(0);
        b = pair.get(1);
    }

    @AfterEach
    void close() {
        poller.close();
        a.close();
        b.close();
    }

    @Test
    void shouldReturnWhatIsReadableAndNothingElse() throws Exception {
        assertThat(a.send(new byte[1], List.of())).isTrue();
        assertThat(poller.await(List.of(a.descriptor(), b.descriptor()), LONG)).isEqualTo(Set.of(b.descriptor()));
    }

    @Test
    void shouldSeeWhatBecomesReadableWhileItWaits() throws Exception {
        var result = awaitInAnotherThread();
        assertThat(a.send(new byte[1], List.of())).isTrue();
        assertThat(result.get(50, TimeUnit.SECONDS)).isEqualTo(Set.of(b.descriptor()));
    }

    @Test
    void shouldReturnNothingWhenTimeIsOver() throws Exception {
        assertThat(poller.await(List.of(b.descriptor()), Duration.ofMillis(1))).isEmpty();
        assertThat(poller.await(List.of(b.descriptor()), Duration.ZERO)).isEmpty();
        assertThat(poller.await(List.of(), Duration.ofSeconds(-1))).isEmpty();
    }

    @Test
    void shouldReportAHangUp() throws Exception {
        var pipe = Descriptors.pipe();
        try (var reading = pipe.get(0)) {
            pipe.get(1).close();
            a.close();
            assertThat(poller.await(List.of(reading, b.descriptor()), LONG)).isEqualTo(Set.of(reading, b.descriptor()));
        }
    }

    @Test
    void shouldReportADescriptorThatAnotherThreadHasClosed() throws Exception {
        b.close();
        assertThat(poller.await(List.of(a.descriptor(), b.descriptor()), LONG)).contains(b.descriptor());
    }

    @Test
    void shouldBeWokenWhileItWaits() throws Exception {
        var result = awaitInAnotherThread();
        poller.wake();
        assertThat(result.get(50, TimeUnit.SECONDS)).isEmpty();
    }

    @Test
    void shouldBeWokenByAWakeThatCameBeforeAndOnlyOnce() throws Exception {
        for (var i = 0; i < 1000; i++) {
            poller.wake();
        }
        assertThat(poller.await(List.of(b.descriptor()), LONG)).isEmpty();
        var second = awaitInAnotherThread();
        await().during(Duration.ofMillis(50)).until(() -> !second.isDone());
        poller.wake();
        assertThat(second.get(50, TimeUnit.SECONDS)).isEmpty();
    }

    @Test
    void shouldLoseNoWake() throws Exception {
        var rounds = 10_000;
        var waker = Thread.ofPlatform().start(() -> {
            for (var i = 0; i < rounds; i++) {
                poller.wake();
            }
        });
        while (waker.isAlive()) {
            assertThat(poller.await(List.of(b.descriptor()), Duration.ofMillis(10)))
                    .isEmpty();
        }
        poller.wake();
        assertThat(poller.await(List.of(b.descriptor()), LONG)).isEmpty();
    }

    @Test
    void shouldTakeAWakeAfterCloseAndRefuseToWait() {
        poller.close();
        poller.close();
        poller.wake();
        assertThatIllegalStateException().isThrownBy(() -> poller.await(List.of(), Duration.ZERO));
    }

    private CompletableFuture<Set<Descriptor>> awaitInAnotherThread() {
        var result = new CompletableFuture<Set<Descriptor>>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                result.complete(poller.await(List.of(b.descriptor()), LONG));
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }
}

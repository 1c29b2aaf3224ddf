package dev.baton.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ControlLoopTest {
    private final LinkedBlockingQueue<Integer> order = new LinkedBlockingQueue<>();
    private ControlLoop loop;

    @BeforeEach
    void open() throws Exception {
        loop = new ControlLoop("test");
    }

    @AfterEach
    void close() {
        loop.close();
    }

    private int next() throws InterruptedException {
        var next = order.poll(10, TimeUnit.SECONDS);
        assertThat(next).isNotNull();
        return next;
    }

    @Test
    void shouldRunTasksInTheOrderInWhichTheyWereGiven() throws Exception {
        for (var i = 0; i < 1000; i++) {
            var number = i;
            loop.execute(() -> order.add(number));
        }
        for (var i = 0; i < 1000; i++) {
            assertThat(next()).isEqualTo(i);
        }
    }

    @Test
    void shouldLetLimitsPassInTheirOrderAndNotThoseThatWereCancelled() throws Exception {
        loop.execute(() -> {
            loop.after(Duration.ofMillis(60), () -> order.add(3));
            loop.after(Duration.ofMillis(20), () -> order.add(1));
            loop.after(Duration.ofMillis(40), () -> order.add(2)).cancel();
        });
        assertThat(next()).isEqualTo(1);
        assertThat(next()).isEqualTo(3);
    }

    @Test
    void shouldGoOnAfterATaskThatFails() throws Exception {
        loop.execute(() -> {
            throw new IllegalStateException("boom!");
        });
        loop.execute(() -> order.add(1));
        assertThat(next()).isEqualTo(1);
    }
}

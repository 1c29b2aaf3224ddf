package dev.baton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.ControlLoop;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ServersTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    /** A server whose drain begins late, as on a machine without processor time to spare. */
    private static final class Late implements Server {
        private final CountDownLatch isCalled = new CountDownLatch(1);
        private final CountDownLatch mayBegin = new CountDownLatch(1);
        private boolean isPaused = true;
        private boolean isDraining;

        @Override
        public synchronized void pause() {
            isPaused = true;
        }

        @Override
        public synchronized void resume() {
            isPaused = false;
            isDraining = false;
            notifyAll();
        }

        @Override
        public Drained drain(Deadline deadline) throws InterruptedException {
            isCalled.countDown();
            mayBegin.await();
            synchronized (this) {
                isPaused = true;
                isDraining = true;
                while (isDraining) {
                    wait();
                }
            }
            return Drained.NOTHING;
        }

        @Override
        public Open open() {
            return Open.NOTHING;
        }

        synchronized boolean isPaused() {
            return isPaused;
        }
    }

    @Test
    void shouldAcceptAgainThoughADrainThatWasCalledOffBeginsOnlyThen() throws Exception {
        var loop = new ControlLoop("test");
        var late = new Late();
        var servers = new Servers("test", loop, Duration.ZERO);
        servers.add(late);
        servers.resume().get(10, TimeUnit.SECONDS);

        var drained = servers.drain(LONG);
        assertThat(late.isCalled.await(10, TimeUnit.SECONDS)).isTrue();
        var resumed = servers.resume();
        await().until(() -> !late.isPaused());
        late.mayBegin.countDown();

        resumed.get(10, TimeUnit.SECONDS);
        await().during(Duration.ofMillis(200)).until(() -> !late.isPaused());
        assertThat(drained).isNotDone();
    }
}

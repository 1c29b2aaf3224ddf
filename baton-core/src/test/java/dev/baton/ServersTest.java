package dev.baton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
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

    @Test
    void shouldDrainAServerWhoseResumeNeverReturns() throws Exception {
        var isHanging = new CountDownLatch(1);
        var servers = new Servers("test", new ControlLoop("test"), Duration.ZERO);
        servers.add(new Server() {
            @Override
            public void pause() {}

            @Override
            public void resume() throws InterruptedException {
                isHanging.countDown();
                new CountDownLatch(1).await();
            }

            @Override
            public Drained drain(Deadline deadline) {
                return new Drained(7, 0, 0, 0);
            }

            @Override
            public Open open() {
                return Open.NOTHING;
            }
        });
        var resumed = servers.resume();
        isHanging.await();

        assertThat(servers.drain(LONG).get(25, TimeUnit.SECONDS).finished()).isEqualTo(7);
        assertThat(resumed).isNotDone();
    }

    /** A server that takes its time, another one for each call. */
    private static final class Moody implements Server {
        private static final int LONGEST_NANOS = 300_000;

        private final Random random;
        private final AtomicInteger drains = new AtomicInteger();
        private boolean isPaused = true;
        private int calledOff;

        Moody(Random random) {
            this.random = random;
        }

        private void tarry() {
            int nanos;
            synchronized (random) {
                nanos = random.nextInt(LONGEST_NANOS);
            }
            LockSupport.parkNanos(nanos);
        }

        @Override
        public void pause() {
            tarry();
            synchronized (this) {
                isPaused = true;
            }
        }

        @Override
        public void resume() {
            tarry();
            synchronized (this) {
                isPaused = false;
                calledOff++;
                notifyAll();
            }
        }

        @Override
        public Drained drain(Deadline deadline) throws InterruptedException {
            drains.incrementAndGet();
            tarry();
            synchronized (this) {
                isPaused = true;
                var before = calledOff;
                while (calledOff == before && !deadline.isPassed()) {
                    wait(1);
                }
            }
            tarry();
            drains.decrementAndGet();
            return Drained.NOTHING;
        }

        @Override
        public Open open() {
            return Open.NOTHING;
        }

        synchronized boolean accepts() {
            return !isPaused && drains.get() == 0;
        }
    }

    @Test
    void shouldAcceptInTheEndWheneverADrainIsCalledOff() throws Exception {
        var seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        var rounds = Integer.getInteger("baton.rounds", 100);
        var loop = new ControlLoop("test");
        var servers = new Servers("test", loop, Duration.ZERO);
        var moody = List.of(new Moody(new Random(seed + 1)), new Moody(new Random(seed + 2)));
        moody.forEach(servers::add);
        for (int round = 0; round < rounds; round++) {
            var drained = servers.drain(LONG);
            LockSupport.parkNanos(random.nextInt(1_000_000));
            if (random.nextBoolean()) {
                assertThat(servers.drain(LONG)).as("asked for twice").isSameAs(drained);
            }
            servers.resume().get(10, TimeUnit.SECONDS);

            assertThat(moody).as("seed %d, round %d", seed, round).allMatch(Moody::accepts);
            assertThat(drained).isNotDone();
        }
        var drained = servers.drain(Duration.ofMillis(1)).get(10, TimeUnit.SECONDS);

        assertThat(drained).isEqualTo(new Message.Drained(0, 0, 0, 0L));
        assertThat(moody).noneMatch(Moody::accepts);
        loop.close();
    }
}

package dev.baton.load;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.EnumSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A load is open, repeatable, and says how it went. */
@Timeout(60)
class LoadTest {
    private static final Duration OFTEN = Duration.ofMillis(10);
    private static final Duration BRIEF = Duration.ofMillis(30);

    @Test
    void aHealthyServerLosesNothingInAnyMode() throws IOException {
        try (var server = FakeServer.healthy();
                var load = everything(server.address()).seed(1).start()) {
            load.phase("steady");
            await().until(() -> load.snapshot().answered() >= 2000);
            var report = load.stop();
            System.out.print(report.toTable());

            assertThat(report.lost()).as(report.toTable()).isZero();
            assertThat(report.answered()).isEqualTo(report.requests());
            assertThat(report.closedWithoutNotice()).isZero();
            assertThat(load.snapshot().inFlight()).isZero();
            assertThat(report.phases()).extracting(Phase::name).containsOnlyOnce("steady");
            assertThat(report.phases().getLast().modes().keySet()).isEqualTo(EnumSet.allOf(Mode.class));
            assertThat(load.generations()).isEqualTo(report.generations());
            var modes = report.phases().getLast().modes();
            var created = requireNonNull(modes.get(Mode.NEW));
            var kept = requireNonNull(modes.get(Mode.KEEP_ALIVE));
            assertThat(created.plus(kept).count()).isEqualTo(created.count() + kept.count());
            assertThat(created.plus(kept).max()).isIn(created.max(), kept.max());
            assertThat(report.generations()).singleElement().satisfies(one -> {
                assertThat(one.number()).isEqualTo(1);
                assertThat(one.pid()).isEqualTo(4711);
                assertThat(one.first()).isLessThanOrEqualTo(one.last());
            });
            assertThat(report.timeline().stream().mapToLong(Tick::answered).sum())
                    .isEqualTo(report.answered());
            assertThat(report.phases().stream()
                            .mapToLong(phase -> phase.lag().count())
                            .sum())
                    .isEqualTo(report.lag().count())
                    .isPositive();
        }
    }

    @Test
    void theTimeLineTellsNothingOfWhatIsSlowByIntention() throws IOException {
        try (var server = FakeServer.healthy();
                var load = Load.on(server.address()).slow(2, OFTEN, BRIEF).start()) {
            await().until(() -> load.snapshot().answered() >= 10);
            var timeline = load.stop().timeline();

            assertThat(timeline.stream().mapToLong(Tick::answered).sum()).isGreaterThanOrEqualTo(10);
            assertThat(timeline).allMatch(tick -> tick.slowest().isZero());
        }
    }

    @Test
    void theSameSeedSendsAtTheSameTimes() {
        assertThat(times(42)).containsExactly(times(42)).isNotEqualTo(times(43));
    }

    @Test
    void theMeanGapIsTheOneAskedFor() {
        long last = LongStream.of(times(42)).max().orElseThrow();
        assertThat(Duration.ofNanos(last / times(42).length)).isBetween(Duration.ofMillis(9), Duration.ofMillis(11));
    }

    @Test
    void aGapBeginsWhenTheFormerRequestShouldHaveEnded() {
        var schedule = new Schedule(42, OFTEN, BRIEF);
        long former = schedule.next();
        for (int i = 0; i < 1000; i++) {
            long next = schedule.next();
            assertThat(next - former).isGreaterThanOrEqualTo(BRIEF.toNanos());
            former = next;
        }
    }

    @Test
    void aStallIsPaidForByEveryRequestThatShouldHaveBeenSentMeanwhile() throws IOException {
        var stalled = new CountDownLatch(1);
        var goOn = new CountDownLatch(1);
        try (var server = new FakeServer(request -> {
                    if (request.number == 5) {
                        stalled.countDown();
                        waitFor(goOn);
                    }
                    request.answer();
                });
                var load = Load.on(server.address()).seed(7).keepAlive(1, OFTEN).start()) {
            waitFor(stalled);
            var begin = load.elapsed();
            // The load's own clock is the only thing awaited: half a second of schedule passes, some 50 requests.
            await().until(() -> load.elapsed().minus(begin).compareTo(Duration.ofMillis(500)) > 0);
            goOn.countDown();
            await().until(() -> load.snapshot().answered() >= 60);
            var latency = load.stop().phases().getFirst().all();

            // A closed loop would have seen one slow request among sixty.
            assertThat(latency.max()).isGreaterThan(Duration.ofMillis(400));
            assertThat(latency.percentile(60)).isGreaterThan(Duration.ofMillis(50));
        }
    }

    @Test
    void aStallDoesNotKeepNewConnectionsFromBeingSent() throws IOException {
        var goOn = new CountDownLatch(1);
        try (var server = new FakeServer(request -> {
                    waitFor(goOn);
                    request.answer();
                });
                var load = Load.on(server.address()).seed(7).newConnections(500).start()) {
            await().until(() -> load.snapshot().inFlight() >= 100);
            assertThat(load.snapshot().answered()).isZero();
            goOn.countDown();
            assertThat(load.stop().lost()).isZero();
        }
    }

    @Test
    void aRequestBelongsToThePhaseInWhichItShouldHaveBeenSent() throws IOException {
        try (var server = FakeServer.healthy();
                var load = Load.on(server.address()).seed(3).keepAlive(4, OFTEN).start()) {
            load.phase("steady");
            await().until(() -> load.snapshot().answered() >= 50);
            load.phase("restart");
            await().until(() -> load.snapshot().answered() >= 100);
            load.phase("steady");
            await().until(() -> load.snapshot().answered() >= 150);
            var report = load.stop();

            assertThat(report.phases())
                    .extracting(Phase::name)
                    .containsSubsequence("steady", "restart")
                    .doesNotHaveDuplicates();
            assertThat(report.phases().stream()
                            .mapToLong(phase -> phase.all().count())
                            .sum())
                    .isEqualTo(report.answered());
        }
    }

    @Test
    void everyGenerationIsSeenWithItsFirstAnswer() throws IOException {
        try (var server = new FakeServer(request -> {
                    int generation = request.number <= 10 ? 1 : 2;
                    request.write("""
                            HTTP/1.1 200 OK\r
                            Content-Length: 14\r
                            X-Generation: %d\r
                            X-Pid: %d\r
                            \r
                            Hello, world!
                            """.formatted(generation, 100 + generation));
                });
                var load = Load.on(server.address()).seed(5).keepAlive(1, OFTEN).start()) {
            await().until(() -> load.snapshot().generation() == 2);
            var generations = load.stop().generations();
            assertThat(generations).extracting(Generation::number).containsExactly(1L, 2L);
            assertThat(generations).extracting(Generation::pid).containsExactly(101L, 102L);
            assertThat(generations.getFirst().answers()).isEqualTo(10);
            assertThat(generations.getFirst().last())
                    .isLessThanOrEqualTo(generations.getLast().first());
        }
    }

    @Test
    void stoppingFinishesWhatIsInFlightAndAsksEverySilentConnectionOnceMore() throws IOException {
        try (var server = FakeServer.healthy();
                var load = Load.on(server.address())
                        .seed(9)
                        .idle(5, Duration.ofHours(1))
                        .start()) {
            await().until(() -> load.snapshot().answered() == 5);
            var report = load.stop();
            assertThat(report.answered()).isEqualTo(10);
            assertThat(server.connections()).isEqualTo(5);
            assertThat(load.stop()).isSameAs(report);
        }
    }

    @Test
    void aSilentConnectionThatWasClosedIsFoundWhenTheLoadStops() throws IOException {
        try (var server = FakeServer.healthy();
                var load = Load.on(server.address())
                        .seed(9)
                        .idle(5, Duration.ofHours(1))
                        .start()) {
            await().until(() -> load.snapshot().answered() == 5);
            server.closeConnections();
            var report = load.stop();
            assertThat(report.closedWithoutNotice()).isEqualTo(5);
            assertThat(report.lost()).isZero();
        }
    }

    @Test
    void theTableNamesTheSeedTheLossesAndThePhases() throws IOException {
        try (var server = new FakeServer(request -> request.answer(503, "draining"));
                var load =
                        Load.on(server.address()).seed(77).keepAlive(1, OFTEN).start()) {
            await().until(() -> load.snapshot().lost() >= 3);
            assertThat(load.stop().toTable())
                    .contains("seed 77", "wrong status", "phase", "driver lag", "503 instead of 200");
        }
    }

    @Test
    void shouldNotStartWhatCannotSend() {
        var builder = Load.on(new InetSocketAddress(InetAddress.getLoopbackAddress(), 1));
        assertThatIllegalStateException().isThrownBy(builder::start);
        assertThatIllegalArgumentException().isThrownBy(() -> builder.newConnections(0));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.keepAlive(0, OFTEN));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.keepAlive(1, Duration.ZERO));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.slow(1, OFTEN, OFTEN.negated()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Load.on(InetSocketAddress.createUnresolved("nowhere", 1)));
    }

    static Load.Builder everything(InetSocketAddress address) {
        return Load.on(address)
                .newConnections(300)
                .keepAlive(5, OFTEN)
                .pipeline(2, BRIEF, 4)
                .slow(2, BRIEF, Duration.ofMillis(5))
                .upload(2, Duration.ofMillis(100), 5000, BRIEF)
                .big(2, Duration.ofMillis(100), 256, BRIEF)
                .echo(3, OFTEN)
                .idle(10, Duration.ofMillis(500));
    }

    private static long[] times(long seed) {
        var schedule = new Schedule(seed, OFTEN, Duration.ZERO);
        return LongStream.generate(schedule::next).limit(10_000).toArray();
    }

    private static void waitFor(CountDownLatch latch) throws IOException {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }
}

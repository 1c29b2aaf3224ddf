package dev.baton.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.control.Connection;
import dev.baton.control.ControlLoop;
import dev.baton.control.Message;
import dev.baton.linux.Descriptors;
import dev.baton.linux.OpenFiles;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every connection that is given away has one owner in the end, whatever the successor does. */
@Timeout(60)
class PassageTest {
    private final Map<String, Boolean> settled = new ConcurrentHashMap<>();
    private final Set<String> taken = new ConcurrentSkipListSet<>();
    private Map<Integer, String> openBefore;
    private ControlLoop here;
    private ControlLoop there;
    private List<PacketSocket> ends;
    private Departures departures;

    @BeforeEach
    void open() throws Exception {
        openBefore = OpenFiles.now();
        here = new ControlLoop("incumbent");
        there = new ControlLoop("successor");
        ends = PacketSocket.pair();
        departures =
                new Departures(here, ends.getFirst(), ProcessHandle.current().pid());
    }

    @AfterEach
    void shouldLeaveNothingOpen() throws Exception {
        on(here, departures::end);
        await().untilAsserted(() -> assertThat(OpenFiles.now().values())
                .filteredOn(name -> name.startsWith("pipe") || name.startsWith("socket"))
                .hasSameSizeAs(openBefore.values().stream()
                        .filter(name -> name.startsWith("pipe") || name.startsWith("socket"))
                        .toList()));
        here.close();
        there.close();
        await().untilAsserted(() -> assertThat(OpenFiles.now()).isEqualTo(openBefore));
    }

    private static void on(ControlLoop loop, Runnable action) throws Exception {
        var done = new CompletableFuture<Void>();
        loop.execute(() -> {
            action.run();
            done.complete(null);
        });
        done.get(10, TimeUnit.SECONDS);
    }

    /** Another server in the place of the successor's. */
    private void arriveAt(Predicate<Message.Live> wants) throws Exception {
        arriveAt(ProcessHandle.current().pid(), wants);
    }

    private void arriveAt(long predecessor, Predicate<Message.Live> wants) throws Exception {
        var arrived = new CompletableFuture<Arrivals>();
        there.execute(() -> {
            try {
                arrived.complete(new Arrivals(there, ends.getLast(), predecessor, new Successors(wants)));
            } catch (Exception e) {
                arrived.completeExceptionally(e);
            }
        });
        arrived.get(10, TimeUnit.SECONDS);
    }

    private final class Successors implements Serving {
        private final Predicate<Message.Live> wants;

        Successors(Predicate<Message.Live> wants) {
            this.wants = wants;
        }

        @Override
        public CompletableFuture<Void> pause() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<Void> resume() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<Message.Drained> drain(Duration limit) {
            return CompletableFuture.completedFuture(Message.Drained.NOTHING);
        }

        @Override
        public void hurry() {}

        @Override
        public boolean wants(Message.Live connection) {
            return wants.test(connection);
        }

        @Override
        public void take(Message.Live connection, OwnedDescriptor descriptor) {
            taken.add(connection.listener());
            descriptor.close();
        }
    }

    /** Something with a descriptor stands for a connection; the listener's name tells them apart. */
    private Set<String> give(int count, String unread) throws Exception {
        return give(0, count, unread);
    }

    private Set<String> give(int from, int to, String unread) throws Exception {
        var given = new TreeSet<String>();
        for (int i = from; i < to; i++) {
            var name = "c" + i;
            given.add(name);
            var pipe = Descriptors.pipe();
            try (var read = pipe.getFirst();
                    var _ = pipe.getLast()) {
                departures.give(new Message.Live(name, "test", 1000, unread, null), read, gone -> {
                    var before = settled.put(name, gone);
                    assertThat(before).as("%s is settled once", name).isNull();
                });
            }
        }
        return given;
    }

    private void awaitSettled(Set<String> given) {
        await().untilAsserted(() -> assertThat(settled.keySet()).isEqualTo(given));
        var gone = settled.entrySet().stream()
                .filter(Map.Entry::getValue)
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
        await().untilAsserted(() -> assertThat(taken).containsExactlyInAnyOrderElementsOf(gone));
    }

    /** More of it with {@code -Dbaton.rounds=500}, as in ServersTest. */
    @Test
    @Timeout(1200)
    void shouldHaveOneOwnerForEachWheneverItEndsWhileSeveralThreadsGive() throws Exception {
        var seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        var rounds = Integer.getInteger("baton.rounds", 8);
        for (int round = 0; round < rounds; round++) {
            if (round > 0) {
                shouldLeaveNothingOpen();
                open();
            }
            settled.clear();
            taken.clear();
            arriveAt(connection -> connection.listener().hashCode() % 7 != 0);
            var given = new ConcurrentSkipListSet<String>();
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                for (int thread = 0; thread < 4; thread++) {
                    int from = thread * 40;
                    var _ = threads.submit(() -> given.addAll(give(from, from + 40, "")));
                }
                var ending = random.nextInt(3);
                LockSupport.parkNanos(random.nextInt(3_000_000));
                switch (ending) {
                    case 0 -> here.execute(departures::end);
                    case 1 -> there.execute(() -> ends.getLast().shutdown());
                    default -> {
                        // It ends when all are settled.
                    }
                }
            }

            awaitSettled(given);
            assertThat(settled).as("seed %d, round %d", seed, round).hasSize(160);
        }
    }

    @Test
    void shouldGiveMoreThanOneListHolds() throws Exception {
        arriveAt(_ -> true);

        awaitSettled(give(450, ""));

        assertThat(taken).hasSize(450);
    }

    @Test
    void shouldSplitListsByTheirBytesAndKeepWhatIsTooMuchForOne() throws Exception {
        arriveAt(_ -> true);

        awaitSettled(give(8, "A".repeat(32 * 1024)));

        assertThat(taken).hasSize(8);
        taken.clear();
        settled.clear();
        awaitSettled(give(2, "A".repeat(64 * 1024)));
        assertThat(taken).isEmpty();
    }

    @Test
    void shouldKeepWhatTheSuccessorRefuses() throws Exception {
        arriveAt(connection -> Integer.parseInt(connection.listener().substring(1)) % 2 == 0);

        awaitSettled(give(100, ""));

        assertThat(taken).hasSize(50);
        assertThat(departures.isOpen()).isTrue();
    }

    @Test
    void shouldKeepWhatASlowSuccessorHasNotAnsweredAndNotLetItHaveItLater() throws Exception {
        var late = new CompletableFuture<Void>();
        arriveAt(_ -> {
            late.join();
            return true;
        });
        var given = give(3, "");

        await().atMost(Duration.ofSeconds(20)).until(() -> settled.size() == 3);
        assertThat(departures.isOpen()).isFalse();
        late.complete(null);

        awaitSettled(given);
        assertThat(settled.values()).containsOnly(false);
        assertThat(taken).isEmpty();
    }

    /** The predecessor has gone on with them, and may have read half a request. */
    @Test
    void shouldNotLetASlowSuccessorHaveWhatAPredecessorThatDiedLaterHadKept() throws Exception {
        var predecessor = new ProcessBuilder("sleep", "60").start();
        var late = new CompletableFuture<Void>();
        arriveAt(predecessor.pid(), _ -> {
            late.join();
            return true;
        });
        var given = give(3, "");

        await().atMost(Duration.ofSeconds(20)).until(() -> settled.size() == 3);
        predecessor.destroyForcibly().waitFor();
        late.complete(null);

        awaitSettled(given);
        on(there, () -> {});
        assertThat(settled.values()).containsOnly(false);
        await().during(Duration.ofSeconds(1)).until(taken::isEmpty);
    }

    @Test
    void shouldKeepWhatASuccessorThatIsGoneHasNotAnswered() throws Exception {
        var given = give(3, "");
        on(there, ends.getLast()::close);

        awaitSettled(given);

        assertThat(settled.values()).containsOnly(false);
        assertThat(departures.isOpen()).isFalse();
        settled.clear();
        awaitSettled(give(2, ""));
        assertThat(taken).isEmpty();
    }

    @Test
    void shouldKeepWhatIsAnsweredInAWayThatMakesNoSense() throws Exception {
        var peer = new CompletableFuture<Connection>();
        there.execute(() -> {
            try {
                peer.complete(new Connection(there, ends.getLast(), new Connection.Handler() {
                    @Override
                    public void received(Message message, List<OwnedDescriptor> descriptors) {
                        descriptors.forEach(OwnedDescriptor::close);
                        var answer = settled.isEmpty() ? new Message.Ready() : new Message.Taken(List.of(7, -1));
                        assertThat(peer.join().send(answer)).isTrue();
                    }

                    @Override
                    public void ended(String reason) {}
                }));
            } catch (IOException e) {
                peer.completeExceptionally(e);
            }
        });
        peer.get(10, TimeUnit.SECONDS);

        awaitSettled(give(3, ""));
        settled.clear();
        awaitSettled(give(3, ""));

        assertThat(taken).isEmpty();
        on(there, peer.join()::close);
    }
}

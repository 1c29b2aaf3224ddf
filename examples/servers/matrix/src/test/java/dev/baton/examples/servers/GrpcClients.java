package dev.baton.examples.servers;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.testing.protobuf.SimpleRequest;
import io.grpc.testing.protobuf.SimpleServiceGrpc;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/** Clients of gRPC, with retries off. A channel that lives on opens its connections by itself, so none is counted. */
final class GrpcClients implements Clients {
    private static final Duration WORK = Duration.ofSeconds(2);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration GAP = Duration.ofMillis(50);

    /** A call that fails sooner was not begun, it crossed the close of its connection. */
    private static final Duration BEGUN = Duration.ofSeconds(1);

    private final String target;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicLong requests = new AtomicLong();
    private final List<Status> failedNew = Collections.synchronizedList(new ArrayList<>());
    private final List<Status> lostInFlight = Collections.synchronizedList(new ArrayList<>());
    private final List<Status> crossed = Collections.synchronizedList(new ArrayList<>());
    private volatile boolean stopping;

    GrpcClients(InetSocketAddress address) {
        target = address.getAddress().getHostAddress() + ":" + address.getPort();
        start(this::callOnNewChannels);
        start(this::callOnNewChannels);
        start(() -> callOnOneChannel(Duration.ZERO));
        start(() -> callOnOneChannel(WORK));
        start(() -> callOnOneChannel(WORK));
    }

    private void start(Runnable client) {
        threads.add(Thread.ofVirtual().start(client));
    }

    private void callOnNewChannels() {
        while (!stopping) {
            var channel = channel();
            call(channel, Duration.ZERO, waited -> failedNew);
            var _ = channel.shutdown();
            LockSupport.parkNanos(GAP.toNanos());
        }
    }

    private void callOnOneChannel(Duration work) {
        var channel = channel();
        while (!stopping) {
            call(channel, work, waited -> waited.compareTo(BEGUN) < 0 ? crossed : lostInFlight);
            LockSupport.parkNanos(GAP.toNanos());
        }
        var _ = channel.shutdown();
    }

    private ManagedChannel channel() {
        return Grpc.newChannelBuilder(target, InsecureChannelCredentials.create())
                .disableRetry()
                .build();
    }

    private void call(ManagedChannel channel, Duration work, Function<Duration, List<Status>> lost) {
        requests.incrementAndGet();
        long begun = System.nanoTime();
        try {
            var request = SimpleRequest.newBuilder().setRequestMessage(Long.toString(work.toMillis()));
            var _ = SimpleServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(LIMIT.plus(work))
                    .unaryRpc(request.build());
        } catch (StatusRuntimeException e) {
            lost.apply(Duration.ofNanos(System.nanoTime() - begun)).add(e.getStatus());
        }
    }

    @Override
    public void beforeRestart() {}

    @Override
    public void afterRestart() {}

    @Override
    public Seen stop() {
        close();
        return new Seen(
                requests.get(),
                failedNew.size(),
                lostInFlight.size(),
                crossed.size(),
                0,
                0,
                0,
                0,
                "%d calls; lost on new channels %s, in flight %s, crossing a close %s"
                        .formatted(requests.get(), failedNew, lostInFlight, crossed));
    }

    @Override
    public void close() {
        stopping = true;
        for (var thread : threads) {
            try {
                if (!thread.join(LIMIT)) {
                    throw new IllegalStateException("a call has not ended in time: " + target);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}

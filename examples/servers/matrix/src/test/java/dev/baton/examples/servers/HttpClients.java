package dev.baton.examples.servers;

import static org.awaitility.Awaitility.await;

import dev.baton.load.Failure;
import dev.baton.load.Load;
import dev.baton.load.Mode;
import dev.baton.load.Outcome;
import dev.baton.load.Report;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Clients of HTTP/1.1. */
final class HttpClients implements Clients {
    private static final int SILENT = 4;
    private static final Duration NEVER = Duration.ofHours(1);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** A slow request that ends sooner was not begun, it crossed the close of its connection. */
    private static final Duration BEGUN = Duration.ofSeconds(1);

    private final InetSocketAddress address;
    private final Load load;
    private final List<Report> silent = new ArrayList<>();
    private @Nullable Load beingSilent;

    HttpClients(InetSocketAddress address) {
        this.address = address;
        this.load = Load.on(address)
                .newConnections(40)
                .keepAlive(4, Duration.ofMillis(100))
                .slow(5, Duration.ofSeconds(1), Duration.ofSeconds(2))
                .limit(LIMIT)
                .start();
        System.err.println(address + ", seed " + load.seed());
    }

    @Override
    public void beforeRestart() {
        var idle = Load.on(address).idle(SILENT, NEVER).limit(LIMIT).start();
        beingSilent = idle;
        await().atMost(LIMIT)
                .until(() -> idle.snapshot().answered() + idle.snapshot().lost() == SILENT);
    }

    @Override
    public void afterRestart() {
        if (beingSilent != null) {
            silent.add(beingSilent.stop());
        }
    }

    @Override
    public Seen stop() {
        var report = load.stop();
        var failures = new ArrayList<>(report.failures());
        silent.forEach(one -> failures.addAll(one.failures()));
        long closed = silent.stream()
                .mapToLong(one -> one.closedWithNotice() + one.closedWithoutNotice() + one.lost())
                .sum();
        long opened = (long) SILENT * silent.size();
        long failedNew =
                failures.stream().filter(failure -> failure.mode() == Mode.NEW).count();
        long crossed = failures.stream().filter(HttpClients::isCrossed).count();
        return new Seen(
                report.requests() + silent.stream().mapToLong(Report::requests).sum(),
                failedNew,
                failures.size() - failedNew - crossed,
                crossed,
                report.closedWithNotice(),
                report.closedWithoutNotice(),
                opened,
                opened - closed,
                report.toTable());
    }

    private static boolean isCrossed(Failure failure) {
        return failure.outcome() == Outcome.LOST_IN_CLOSE_RACE
                && (failure.mode() != Mode.SLOW || failure.waited().compareTo(BEGUN) < 0);
    }

    @Override
    public void close() {
        load.close();
        if (beingSilent != null) {
            beingSilent.close();
        }
    }
}

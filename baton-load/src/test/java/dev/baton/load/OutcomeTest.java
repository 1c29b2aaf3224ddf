package dev.baton.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.baton.load.FakeServer.Behaviour;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever a server does wrong has one name, and nothing else is called by it. */
@Timeout(60)
class OutcomeTest {
    private static final Duration OFTEN = Duration.ofMillis(5);
    private static final int SEED = 20;

    @Test
    void aClosedPortIsRefused() throws IOException {
        InetSocketAddress nobody;
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = (InetSocketAddress) listener.getLocalSocketAddress();
        }
        var report = run(Load.on(nobody).newConnections(200), snapshot -> snapshot.lost() >= 5);
        assertOnly(report, Outcome.REFUSED);
        assertThat(report.answered()).isZero();
    }

    @Test
    void aFullBacklogIsAConnectTimeout() throws IOException {
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var address = (InetSocketAddress) listener.getLocalSocketAddress();
            var fillers = new ArrayList<Socket>();
            try {
                for (int i = 0; i < 2; i++) {
                    var filler = new Socket();
                    fillers.add(filler);
                    filler.connect(address, 5000);
                }
                var report = run(
                        Load.on(address).limit(Duration.ofMillis(200)).newConnections(50),
                        snapshot -> snapshot.lost() >= 3);
                assertOnly(report, Outcome.CONNECT_TIMEOUT);
            } finally {
                for (var filler : fillers) {
                    filler.close();
                }
            }
        }
    }

    @Test
    void anAddressThatTcpCannotReachIsConnectFailed() throws IOException {
        var broadcast = new InetSocketAddress(InetAddress.getByAddress(new byte[] {-1, -1, -1, -1}), 9);
        var report = run(Load.on(broadcast).keepAlive(1, OFTEN), snapshot -> snapshot.lost() >= 3);
        assertOnly(report, Outcome.CONNECT_FAILED);
        assertThat(report.failures().getFirst().localPort()).isZero();
    }

    @Test
    void aFirstRequestThatMeetsAnEndIsClosedBeforeAnswer() throws IOException {
        assertOnly(keepAlive(FakeServer.Request::close), Outcome.CLOSED_BEFORE_ANSWER);
    }

    @Test
    void aFirstRequestThatMeetsAResetIsResetAfterSend() throws IOException {
        assertOnly(keepAlive(FakeServer.Request::reset), Outcome.RESET_AFTER_SEND);
    }

    @Test
    void aConnectionResetBeforeTheRequestIsResetBeforeSend() throws Exception {
        try (var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var connection = new Connection(new Clock());
            connection.connect(listener.getLocalSocketAddress(), 0);
            try (var accepted = listener.accept()) {
                accepted.setSoLinger(true, 0);
            }
            connection.begin(Long.MAX_VALUE - 1);
            var request = ByteBuffer.wrap(new byte[] {'G'});
            assertThat(catchThrowableOfType(Lost.class, () -> connection.write(request))
                            .outcome())
                    .isEqualTo(Outcome.RESET_BEFORE_SEND);
            connection.close();
        }
    }

    @Test
    void aResetWithinTheAnswerIsResetMidAnswer() throws IOException {
        var report = keepAlive(request -> {
            request.write(request.head(200, 14, "") + "Hello");
            request.reset();
        });
        assertOnly(report, Outcome.RESET_MID_ANSWER);
    }

    @Test
    void anEndWithinTheBodyIsTruncated() throws IOException {
        var report = keepAlive(request -> {
            request.write(request.head(200, 14, "") + "Hello");
            request.close();
        });
        assertOnly(report, Outcome.TRUNCATED);
        assertThat(report.failures().getFirst().received()).contains("5 of 14 bytes", "generation 1, pid 4711");
    }

    @Test
    void anEndWithinTheHeadIsTruncated() throws IOException {
        var report = keepAlive(request -> {
            request.write("HTTP/1.1 200 OK\r\nContent-Le");
            request.close();
        });
        assertOnly(report, Outcome.TRUNCATED);
    }

    @Test
    void anEndWithinAChunkedBodyIsTruncated() throws IOException {
        var report = keepAlive(request -> {
            request.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n");
            request.close();
        });
        assertOnly(report, Outcome.TRUNCATED);
    }

    @Test
    void aDownloadCutInTheMiddleIsTruncated() throws IOException {
        try (var server = new FakeServer(request -> {
            request.write(request.head(200, 64 * 1024, "") + FakeServer.letters(30_000));
            request.close();
        })) {
            var report = run(
                    Load.on(server.address()).big(2, OFTEN, 64, Duration.ofMillis(20)),
                    snapshot -> snapshot.lost() >= 5);
            assertOnly(report, Outcome.TRUNCATED);
        }
    }

    @Test
    void silenceIsATimeout() throws IOException {
        assertOnly(keepAlive(FakeServer.Request::stall), Outcome.TIMEOUT);
    }

    @Test
    void silenceWithinTheAnswerIsATimeout() throws IOException {
        var report = keepAlive(request -> {
            request.write(request.head(200, 14, "") + "Hello");
            request.stall();
        });
        assertOnly(report, Outcome.TIMEOUT);
    }

    @Test
    void anUploadThatIsNotReadIsATimeout() throws IOException {
        try (var server = new FakeServer(request -> {
            request.socket.setSoTimeout(5000);
            request.stall();
        })) {
            var report = run(
                    Load.on(server.address())
                            .limit(Duration.ofMillis(200))
                            .upload(1, OFTEN, 4 << 20, Duration.ofMillis(20)),
                    snapshot -> snapshot.lost() >= 2);
            assertOnly(report, Outcome.TIMEOUT);
        }
    }

    @Test
    void anErrorOfTheServerIsAWrongStatus() throws IOException {
        var report = keepAlive(request -> request.answer(503, "draining"));
        assertOnly(report, Outcome.WRONG_STATUS);
        assertThat(report.failures())
                .allSatisfy(failure -> assertThat(failure.received()).startsWith("503 instead of 200"));
    }

    @Test
    void aWholeAnswerWithAWrongStatusKeepsTheConnection() throws IOException {
        try (var server = new FakeServer(request -> request.answer(503, "draining"))) {
            run(Load.on(server.address()).keepAlive(2, OFTEN), snapshot -> snapshot.lost() >= 20);
            assertThat(server.connections()).isEqualTo(2);
        }
    }

    @Test
    void aRefusedUpgradeIsAWrongStatusEveryTime() throws IOException {
        try (var server = new FakeServer(request -> request.answer(503, "draining"))) {
            assertOnly(
                    run(Load.on(server.address()).echo(2, OFTEN), snapshot -> snapshot.lost() >= 10),
                    Outcome.WRONG_STATUS);
        }
    }

    @Test
    void otherBytesAreWrongContent() throws IOException {
        assertOnly(keepAlive(request -> request.answer(200, "Hello, mould!\n")), Outcome.WRONG_CONTENT);
    }

    @Test
    void aShorterBodyIsWrongContent() throws IOException {
        assertOnly(keepAlive(request -> request.answer(200, "Hello")), Outcome.WRONG_CONTENT);
    }

    @Test
    void aLongerBodyIsWrongContent() throws IOException {
        assertOnly(keepAlive(request -> request.answer(200, "Hello, world!\nHello, world!\n")), Outcome.WRONG_CONTENT);
    }

    @Test
    void anotherRequestsAnswerIsWrongContent() throws IOException {
        var report = keepAlive(request ->
                request.write("HTTP/1.1 200 OK\r\nContent-Length: 14\r\nX-Seq: 999999999\r\n\r\nHello, world!\n"));
        assertOnly(report, Outcome.WRONG_CONTENT);
        assertThat(report.failures().getFirst().received()).isEqualTo("the answer to seq 999999999");
    }

    @Test
    void garbageIsWrongContent() throws IOException {
        var report = keepAlive(request -> request.write("220 mail.example.org ESMTP\r\n"));
        assertOnly(report, Outcome.WRONG_CONTENT);
        assertThat(report.failures().getFirst().received()).contains("not HTTP/1.x: \"220 mail");
    }

    @Test
    void bytesNobodyAskedForAreWrongContent() throws IOException {
        try (var server = new FakeServer(request -> {
            request.answer(200, "Hello, world!\n");
            request.write("and more");
        })) {
            var report = run(Load.on(server.address()).keepAlive(2, OFTEN), snapshot -> snapshot.lost() >= 5);
            assertThat(names(report)).as(report.toTable()).containsOnlyKeys(Outcome.OK, Outcome.WRONG_CONTENT);
        }
    }

    @Test
    void aLaterRequestThatMeetsAnEndIsLostInACloseRace() throws IOException {
        var report = keepAlive(request -> {
            if (request.number == 2) {
                request.close();
            }
            request.answer();
        });
        assertThat(names(report)).as(report.toTable()).containsOnlyKeys(Outcome.OK, Outcome.LOST_IN_CLOSE_RACE);
        assertThat(report.closedWithoutNotice()).isZero();
    }

    @Test
    void aLaterRequestThatMeetsAResetIsLostInACloseRace() throws IOException {
        var report = keepAlive(request -> {
            if (request.number == 2) {
                request.reset();
            }
            request.answer();
        });
        assertThat(names(report)).as(report.toTable()).containsOnlyKeys(Outcome.OK, Outcome.LOST_IN_CLOSE_RACE);
    }

    @Test
    void aLineOfAnUpgradedConnectionThatIsNotEchoedIsLostInACloseRace() throws IOException {
        try (var server = new FakeServer(request -> {
            request.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n");
            request.in.read();
            request.reset();
        })) {
            var report = run(Load.on(server.address()).echo(2, OFTEN), snapshot -> snapshot.lost() >= 5);
            assertOnly(report, Outcome.LOST_IN_CLOSE_RACE);
        }
    }

    @Test
    void anotherLineThanTheOneSentIsWrongContent() throws IOException {
        try (var server = new FakeServer(request -> {
            request.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n");
            request.in.read();
            request.write("something else\n");
            request.stall();
        })) {
            var report = run(Load.on(server.address()).echo(2, OFTEN), snapshot -> snapshot.lost() >= 5);
            assertOnly(report, Outcome.WRONG_CONTENT);
        }
    }

    @Test
    void aSilentConnectionThatIsClosedIsCountedApartAndNothingIsLost() throws IOException {
        try (var server = new FakeServer(request -> {
                    request.answer(200, "Hello, world!\n");
                    request.close();
                });
                var load = Load.on(server.address())
                        .seed(SEED)
                        .keepAlive(2, Duration.ofMillis(50))
                        .start()) {
            await().until(() -> load.snapshot().closedWithoutNotice() >= 5);
            var report = load.stop();
            assertThat(report.count(Outcome.OK)).isGreaterThanOrEqualTo(5);
            assertThat(report.closedWithNotice()).isZero();
        }
    }

    @Test
    void aCloseThatWasAnnouncedIsNoFailure() throws IOException {
        try (var server = new FakeServer(request -> {
            request.answerWithNotice();
            request.close();
        })) {
            var report =
                    run(Load.on(server.address()).keepAlive(2, OFTEN), snapshot -> snapshot.closedWithNotice() >= 10);
            assertOnly(report, Outcome.OK);
            assertThat(report.closedWithoutNotice()).isZero();
            assertThat(report.closedWithNotice()).isEqualTo(report.answered());
        }
    }

    @Test
    void whatWasPipelinedBehindANoticeIsNotLost() throws IOException {
        try (var server = new FakeServer(request -> {
            if (request.number == 3) {
                request.answerWithNotice();
                request.socket.shutdownOutput();
                request.stall();
            }
            request.answer();
        })) {
            var report = run(Load.on(server.address()).pipeline(2, OFTEN, 4), snapshot -> snapshot.answered() >= 30);
            assertThat(report.lost()).as(report.toTable()).isZero();
            assertThat(report.count(Outcome.OK)).isEqualTo(3 * report.count(Outcome.UNANSWERED_AFTER_NOTICE));
        }
    }

    @Test
    void whatWasPipelinedAndNotAnsweredIsLostOneByOne() throws IOException {
        try (var server = new FakeServer(request -> {
            if (request.number == 2) {
                request.socket.shutdownOutput();
                request.stall();
            }
            request.answer();
        })) {
            var report = run(Load.on(server.address()).pipeline(2, OFTEN, 4), snapshot -> snapshot.answered() >= 10);
            assertThat(report.count(Outcome.LOST_IN_CLOSE_RACE))
                    .as(report.toTable())
                    .isEqualTo(3 * report.answered());
        }
    }

    @Test
    void noRequestIsEverSentTwice() throws IOException {
        var random = new Random(SEED);
        try (var server = new FakeServer(request -> {
            switch (random.nextInt(4)) {
                case 0 -> request.close();
                case 1 -> request.reset();
                case 2 -> request.answerWithNotice();
                default -> request.answer();
            }
        })) {
            var report = run(Load.on(server.address()).keepAlive(10, OFTEN), snapshot -> snapshot.lost() >= 100);
            assertThat(server.requests()).as(report.toTable()).isEqualTo((int) report.requests());
        }
    }

    @Test
    void everyLossIsKeptWithItsCircumstances() throws IOException {
        try (var server = new FakeServer(FakeServer.Request::close);
                var load =
                        Load.on(server.address()).seed(SEED).keepAlive(1, OFTEN).start()) {
            load.phase("restart");
            await().until(() -> load.snapshot().lost() >= 3);
            var report = load.stop();
            assertThat(report.failures()).hasSize((int) report.lost()).allSatisfy(failure -> {
                assertThat(failure.mode()).isEqualTo(Mode.KEEP_ALIVE);
                assertThat(failure.localPort()).isPositive();
                assertThat(failure.sent()).startsWith("GET / seq ");
                assertThat(failure.received()).isEqualTo("end of stream");
                assertThat(failure.at()).isBetween(Duration.ZERO, report.elapsed());
            });
        }
    }

    private static Report keepAlive(Behaviour behaviour) throws IOException {
        try (var server = new FakeServer(behaviour)) {
            return run(
                    Load.on(server.address()).limit(Duration.ofMillis(500)).keepAlive(3, OFTEN),
                    snapshot -> snapshot.lost() >= 5);
        }
    }

    private static Report run(Load.Builder builder, Predicate<Snapshot> enough) {
        try (var load = builder.seed(SEED).start()) {
            await().atMost(Duration.ofSeconds(30)).until(load::snapshot, enough);
            return load.stop();
        }
    }

    private static void assertOnly(Report report, Outcome outcome) {
        assertThat(names(report)).as(report.toTable()).containsOnlyKeys(outcome);
        assertThat(report.lost()).isEqualTo(outcome.isLost() ? report.requests() : 0);
    }

    private static Map<Outcome, Long> names(Report report) {
        return EnumSet.allOf(Outcome.class).stream()
                .filter(outcome -> report.count(outcome) > 0)
                .collect(Collectors.toMap(outcome -> outcome, report::count));
    }
}

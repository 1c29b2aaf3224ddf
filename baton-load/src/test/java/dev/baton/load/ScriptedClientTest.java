package dev.baton.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The scripted client does what it is told and says what it got instead. */
@Timeout(60)
class ScriptedClientTest {
    private static final Duration SOON = Duration.ofMillis(50);

    @Test
    void readsAnswersOneByOne() throws IOException {
        try (var server = FakeServer.healthy();
                var client = ScriptedClient.connect(server.address())) {
            client.get("/").get("/big?kib=1");
            assertThat(client.expectAnswer(200).body()).isEqualTo("Hello, world!\n");
            var big = client.expectAnswer(200);
            assertThat(big.body()).isEqualTo(FakeServer.letters(1024));
            assertThat(big.header("x-pid")).isEqualTo("4711");
            client.expectStillOpen();
        }
    }

    @Test
    void sendsARequestInAnyPieces() throws IOException {
        try (var server = FakeServer.healthy();
                var client = ScriptedClient.connect(server.address())) {
            client.send("GET / HT").expectSilence(SOON).send("TP/1.1\r\n\r").expectSilence(SOON);
            client.send("\n").expectAnswer(200);
        }
    }

    @Test
    void unpacksChunks() throws IOException {
        try (var server = new FakeServer(request -> request.write("""
                        HTTP/1.1 200 OK\r
                        Transfer-Encoding: chunked\r
                        \r
                        5\r
                        Hello\r
                        8;x=y\r
                        , world!\r
                        0\r
                        \r
                        """));
                var client = ScriptedClient.connect(server.address())) {
            assertThat(client.get("/").expectAnswer(200).body()).isEqualTo("Hello, world!");
        }
    }

    @Test
    void talksOnAnUpgradedConnection() throws IOException {
        try (var server = FakeServer.healthy();
                var client = ScriptedClient.connect(server.address())) {
            assertThat(client.get("/echo").expectHead(101).header("Upgrade")).isEqualTo("echo");
            client.send("one\ntwo\n").expect("one\n");
            assertThat(client.expectLine()).isEqualTo("two");
        }
    }

    @Test
    void tellsAnEndFromAReset() throws IOException {
        try (var server = new FakeServer(FakeServer.Request::close);
                var client = ScriptedClient.connect(server.address())) {
            client.get("/").expectEof();
        }
        try (var server = new FakeServer(FakeServer.Request::reset);
                var client = ScriptedClient.connect(server.address())) {
            client.get("/").expectReset();
        }
    }

    @Test
    void saysWhatCameInstead() throws IOException {
        try (var server = new FakeServer(request -> {
                    request.write("HTTP/1.1 503 Down\r\n\r\n");
                    request.close();
                });
                var client = ScriptedClient.connect(server.address())) {
            client.get("/");
            assertThatExceptionOfType(AssertionError.class)
                    .isThrownBy(() -> client.expectAnswer(200))
                    .withMessageContaining("awaited an answer with status 200")
                    .withMessageContaining("HTTP/1.1 503 Down");
            assertThat(client.expectRestThenEof()).isEqualTo("\r\n");
            assertThatExceptionOfType(AssertionError.class)
                    .isThrownBy(client::expectStillOpen)
                    .withMessageContaining("the stream ended");
        }
    }

    @Test
    void givesUpAtItsLimit() throws IOException {
        try (var server = new FakeServer(FakeServer.Request::stall);
                var client = ScriptedClient.connect(server.address())) {
            client.within(SOON).get("/");
            assertThatExceptionOfType(AssertionError.class)
                    .isThrownBy(() -> client.expectAnswer(200))
                    .withMessageContaining("no more came within 50 ms");
        }
    }

    @Test
    void readsOnAfterAHalfClose() throws IOException {
        try (var server = FakeServer.healthy();
                var client = ScriptedClient.connect(server.address())) {
            client.get("/").halfClose().expectAnswer(200);
            client.expectEof();
        }
    }
}

package dev.baton.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The agent's options have the names of the command line's. */
class OptionsTest {
    @Test
    void shouldReadWhatStandsBehindTheAgent() {
        var config = Options.parse("name=shop,pid-file=/run/shop.pid,shutdown-timeout=2.5,move-over=1", Map.of())
                .config();

        assertThat(config.name()).contains("shop");
        assertThat(config.pidFile()).contains(Path.of("/run/shop.pid"));
        assertThat(config.shutdownTimeout()).isEqualTo(Duration.ofMillis(2500));
        assertThat(config.moveOver()).isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void shouldTakeTheRestFromTheEnvironment() {
        var config = Options.parse("name=shop", Map.of("BATON_NAME", "other", "BATON_CONTROL_SOCKET", "/run/s.sock"))
                .config();

        assertThat(config.name()).contains("shop");
        assertThat(config.controlSocket()).contains(Path.of("/run/s.sock"));
    }

    @Test
    void shouldReadTheRequestThatMustSucceed() {
        assertThat(Options.parse("ready-http=/health", Map.of()).health()).isEqualTo(new Health(0, "/health"));
        assertThat(Options.parse("ready-http=8081/up?a=b", Map.of()).health()).isEqualTo(new Health(8081, "/up?a=b"));
        assertThat(Options.parse("", Map.of()).health()).isNull();
    }

    @Test
    void shouldReadHowOftenThatIsAskedMore() {
        assertThat(Options.parse("ready-http=/health,warm-up=200", Map.of()).warmUp())
                .isEqualTo(200);
        assertThat(Options.parse("ready-http=/health", Map.of()).warmUp()).isZero();
        assertThatThrownBy(() -> Options.parse("ready-http=/health,warm-up=-1", Map.of()))
                .hasMessageContaining("warm-up=-1");
        assertThatThrownBy(() -> Options.parse("warm-up=200", Map.of())).hasMessageContaining("needs ready-http");
    }

    @Test
    void shouldReadTheLineThatMustBePrinted() {
        assertThat(Options.parse("ready-line=Started in", Map.of()).line()).isEqualTo("Started in");
        assertThat(Options.parse("", Map.of("BATON_READY_LINE", "up, and running"))
                        .line())
                .isEqualTo("up, and running");
        assertThat(Options.parse("", Map.of()).line()).isNull();
    }

    @Test
    void shouldRefuseWhatItDoesNotKnow() {
        assertThatThrownBy(() -> Options.parse("colour=blue", Map.of())).hasMessageContaining("'colour=blue'");
        assertThatThrownBy(() -> Options.parse("watch=soon", Map.of())).hasMessageContaining("watch=soon");
        assertThatThrownBy(() -> Options.parse("ready-http=health", Map.of()))
                .hasMessageContaining("ready-http=health");
    }
}

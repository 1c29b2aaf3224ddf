package dev.baton.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.baton.linux.Descriptors;
import java.io.EOFException;
import java.io.InputStream;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class StateStreamTest {
    private StateStream.Writer out;
    private InputStream in;

    @BeforeEach
    void open() throws Exception {
        var pipe = Descriptors.pipe();
        // Opened before either original is closed: the open of a pipe's end waits for nobody then.
        out = StateStream.writer(pipe.get(1));
        in = StateStream.reader(pipe.get(0));
    }

    @AfterEach
    void close() throws Exception {
        in.close();
        out.abort();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 10 * 1024 * 1024})
    void shouldArriveWhole(int length) throws Exception {
        var seed = System.nanoTime();
        System.out.println("seed " + seed);
        var state = new byte[length];
        new Random(seed).nextBytes(state);
        var written = CompletableFuture.runAsync(() -> {
            try (var whole = out) {
                whole.write(state);
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        assertThat(in.readAllBytes()).isEqualTo(state);
        written.get(10, TimeUnit.SECONDS);
    }

    @Test
    void shouldNotPassForWholeWhenItsWriterFails() throws Exception {
        out.write(new byte[100]);
        out.flush();
        out.abort();
        assertThat(in.readNBytes(100)).hasSize(100);
        assertThatThrownBy(() -> in.read()).isInstanceOf(EOFException.class);
    }

    @Test
    void shouldFailForTheWriterOnceTheReaderHasLeft() throws Exception {
        in.close();
        assertThatIOException().isThrownBy(() -> {
            out.write(new byte[1024 * 1024]);
            out.flush();
        });
    }
}

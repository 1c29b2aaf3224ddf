package dev.baton.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.baton.linux.LinuxException;
import dev.baton.linux.PacketSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ControlSocketTest {
    @TempDir
    private Path directory;

    private Path path;
    private ControlLoop loop;

    @BeforeEach
    void open() throws Exception {
        path = directory.resolve("app.sock");
        loop = new ControlLoop("test");
    }

    @AfterEach
    void close() {
        loop.close();
    }

    private <T> T onLoop(Callable<T> task) throws Exception {
        var done = new CompletableFuture<T>();
        loop.execute(() -> {
            try {
                done.complete(task.call());
            } catch (Exception e) {
                done.completeExceptionally(e);
            }
        });
        return done.get(10, TimeUnit.SECONDS);
    }

    private ControlSocket opened() throws Exception {
        return onLoop(() -> ControlSocket.open(loop, path, PacketSocket::close));
    }

    @Test
    void shouldReplaceAFileThatAProcessLeftBehind() throws Exception {
        PacketSocket.listen(path, 1).close();
        assertThat(ControlSocket.holder(path)).isNull();
        opened();
        assertThat(ControlSocket.holder(path))
                .isEqualTo((int) ProcessHandle.current().pid());
    }

    @Test
    void shouldNameTheProcessThatListensThere() throws Exception {
        opened();
        assertThatThrownBy(this::opened)
                .hasMessageContaining(
                        path + " is in use by pid " + ProcessHandle.current().pid());
    }

    @Test
    void shouldNotReplaceAFileThatIsNoSocket() throws Exception {
        Files.writeString(path, "precious");
        assertThatThrownBy(this::opened).hasMessageContaining("is no socket");
        assertThat(path).hasContent("precious");
    }

    @Test
    void shouldBeHealedWhenSomebodyDeletedIt() throws Exception {
        var socket = opened();
        assertThat(onLoop(socket::heal)).isFalse();
        Files.delete(path);
        assertThat(onLoop(socket::heal)).isTrue();
        PacketSocket.connect(path).close();
    }

    @Test
    void shouldMendItselfWhenSomebodyDeletedIt() throws Exception {
        var _ = opened();
        Files.delete(path);
        await().until(() -> Files.exists(path));
        PacketSocket.connect(path).close();
    }

    @Test
    void shouldRemoveOnlyItsOwnFile() throws Exception {
        var old = opened();
        var young = onLoop(() -> ControlSocket.takeOver(loop, path, PacketSocket::close));
        onLoop(() -> {
            old.close();
            return true;
        });
        PacketSocket.connect(path).close();
        onLoop(() -> {
            young.close();
            return true;
        });
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void shouldBeReachableAllTheTimeWhileItIsTakenOver() throws Exception {
        var current = opened();
        var over = new AtomicBoolean();
        var connects = new AtomicInteger();
        var failure = new CompletableFuture<LinuxException>();
        var knocking = Thread.ofPlatform().start(() -> {
            while (!over.get()) {
                try {
                    PacketSocket.connect(path).close();
                    connects.incrementAndGet();
                } catch (LinuxException e) {
                    // EAGAIN: somebody listens, with a full backlog.
                    if (e.errno() != LinuxException.EAGAIN) {
                        failure.complete(e);
                        return;
                    }
                }
            }
        });
        for (var i = 0; i < 100; i++) {
            var before = current;
            var reached = connects.get();
            current = onLoop(() -> ControlSocket.takeOver(loop, path, PacketSocket::close));
            while (connects.get() == reached && !failure.isDone()) {
                Thread.onSpinWait();
            }
            onLoop(() -> {
                before.close();
                return true;
            });
        }
        over.set(true);
        knocking.join();
        assertThat(failure).isNotDone();
    }
}

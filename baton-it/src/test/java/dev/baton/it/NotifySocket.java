package dev.baton.it;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The service manager's end of sd_notify(3): a Unix datagram socket, for which the JDK has no channel. */
final class NotifySocket implements AutoCloseable {
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SHUT_RDWR = 2;

    private final List<String> heard = new CopyOnWriteArrayList<>();
    private final int socket;
    private final Thread reader;

    private NotifySocket(int socket) {
        this.socket = socket;
        this.reader = Thread.ofPlatform().daemon().start(this::read);
    }

    static NotifySocket at(Path path) throws Throwable {
        int socket =
                (int) call("socket", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT).invoke(AF_UNIX, SOCK_DGRAM, 0);
        try (var arena = Arena.ofConfined()) {
            var name = path.toString().getBytes(StandardCharsets.UTF_8);
            var sockaddr = arena.allocate(2 + name.length + 1);
            sockaddr.set(JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(name, 0, sockaddr, JAVA_BYTE, 2, name.length);
            var result = (int) call("bind", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT)
                    .invoke(socket, sockaddr, (int) sockaddr.byteSize());
            if (result != 0) {
                throw new IllegalStateException("cannot bind " + path);
            }
        }
        return new NotifySocket(socket);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call(String name, MemoryLayout result, MemoryLayout... arguments) {
        var linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, arguments));
    }

    private void read() {
        try (var arena = Arena.ofConfined()) {
            var recv = call("recv", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
            var buffer = arena.allocate(4096);
            while (true) {
                var length = (long) recv.invoke(socket, buffer, buffer.byteSize(), 0);
                if (length <= 0) {
                    return;
                }
                heard.add(new String(buffer.asSlice(0, length).toArray(JAVA_BYTE), StandardCharsets.UTF_8));
            }
        } catch (Throwable e) {
            heard.add("broken: " + e);
        }
    }

    /** What was said, in order, one datagram each. */
    List<String> heard() {
        return heard;
    }

    /** Returns when something was said, and forgets it and what came before. {@return all of it} */
    List<String> awaitAndForget(String words) {
        await().alias("'" + words + "' to the service manager")
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(10))
                .until(() -> heard.stream().anyMatch(one -> one.contains(words)));
        var all = List.copyOf(heard);
        heard.removeAll(all);
        return all;
    }

    @Override
    public void close() {
        try {
            var _ = (int) call("shutdown", JAVA_INT, JAVA_INT, JAVA_INT).invoke(socket, SHUT_RDWR);
            var _ = reader.join(Duration.ofSeconds(10));
            var _ = (int) call("close", JAVA_INT, JAVA_INT).invoke(socket);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}

package dev.baton.cli;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.Listener;
import dev.baton.Server;
import dev.baton.linux.Listeners;
import dev.baton.netty.HttpServer;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.SocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What {@code baton hello} serves, by the same server, in a process that knows nothing of restarts; for comparisons. */
@Command(name = "hello-without-baton", hidden = true, description = "Serves what hello does and cannot be restarted.")
final class WithoutBaton implements Callable<Integer> {
    private static final int BACKLOG = 4096;

    @Option(names = "--address", required = true, description = "host:port")
    @SuppressWarnings("NullAway.Init")
    private String address;

    /** A listener nobody hands on. */
    private record Plain(String name, SocketAddress address) implements Listener {
        @Override
        public boolean isInherited() {
            return false;
        }

        @Override
        public int duplicate() throws IOException {
            return Listeners.bind(address, BACKLOG).release();
        }

        @Override
        public ServerSocketChannel channel() throws IOException {
            return ServerSocketChannel.open().bind(address, BACKLOG);
        }
    }

    @Override
    public Integer call() throws Exception {
        HttpServer server = HttpServer.builder(new HelloHandler())
                .everyAnswer(answer -> answer.header(
                                "x-pid", Long.toString(ProcessHandle.current().pid()))
                        .header("x-generation", "1"))
                .build();
        server.start(nobody(), new Plain("main", BatonConfig.parseAddress(address)));
        server.resume();
        new CountDownLatch(1).await();
        return 0;
    }

    /** A baton that lets a server attach itself and does nothing with it. */
    private static Baton nobody() {
        return (Baton) Proxy.newProxyInstance(
                WithoutBaton.class.getClassLoader(), new Class<?>[] {Baton.class}, (proxy, method, arguments) -> {
                    if (arguments != null && arguments.length == 1 && arguments[0] instanceof Server) {
                        return null;
                    }
                    throw new UnsupportedOperationException(method.getName());
                });
    }
}

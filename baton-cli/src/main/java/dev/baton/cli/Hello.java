package dev.baton.cli;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.BatonException;
import dev.baton.netty.HttpServer;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The origin's "Hello, world!", and what is needed to try and to test a restart. */
@Command(
        name = "hello",
        description = "Serves \"Hello, world!\" and can be restarted: kill -HUP, or baton restart.",
        mixinStandardHelpOptions = true,
        footer = {
            "",
            "Serves:",
            "  GET  /              Hello, world!",
            "  GET  /slow?ms=N     the same after N milliseconds",
            "  POST /upload        received=N, the bytes of the body",
            "  GET  /big?kib=N     N KiB (default 4096), each byte fixed by its place",
            "  GET  /echo          with Upgrade: echo, each line back",
            "  GET  /ws            a WebSocket, each message back",
            "  GET  /tally         a WebSocket, each message back behind its number; goes on counting in the successor",
            "Each answer carries X-Pid and X-Generation."
        })
final class Hello implements Callable<Integer> {
    @Option(
            names = "--address",
            paramLabel = "ADDRESS",
            required = true,
            converter = AddressConverter.class,
            description = "host:port, [v6]:port, :port, or the path of a Unix-domain socket")
    @SuppressWarnings("NullAway.Init")
    private SocketAddress address;

    @Mixin
    private final TakingPart takingPart = new TakingPart();

    @Option(
            names = "--tls-certificate",
            paramLabel = "PEM",
            description = "serve TLS and HTTP/2 with this certificate chain")
    private @Nullable Path certificate;

    @Option(names = "--tls-key", paramLabel = "PEM", description = "the private key of the certificate")
    private @Nullable Path key;

    @Option(
            names = "--idle-timeout",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "60s",
            description = "when an idle connection is closed (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration idleTimeout;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "100",
            description =
                    "how many requests a successor sends itself before it is ready, for a JVM is slow at first; 0 for"
                            + " none (default ${DEFAULT-VALUE})")
    private int warmUp;

    static final class AddressConverter implements ITypeConverter<SocketAddress> {
        @Override
        public SocketAddress convert(String text) {
            try {
                return BatonConfig.parseAddress(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(Objects.requireNonNullElse(e.getMessage(), text));
            }
        }
    }

    @Override
    public Integer call() throws BatonException, InterruptedException {
        Baton.serve(takingPart.config().address(address).build(), (baton, listener) -> {
            var server = HttpServer.builder(new HelloHandler())
                    .takeOverWebSocket(HelloHandler.Tally.KIND, HelloHandler.Tally::from)
                    .idleTimeout(idleTimeout)
                    .everyAnswer(answer -> answer.header(
                                    "x-pid",
                                    Long.toString(ProcessHandle.current().pid()))
                            .header("x-generation", Integer.toString(baton.generation())));
            if (certificate != null && key != null) {
                server.tls(certificate, key);
            }
            if (warmUp > 0) {
                server.warmUp("/", warmUp);
            }
            server.build().start(baton, listener);
        });
        return 0;
    }
}

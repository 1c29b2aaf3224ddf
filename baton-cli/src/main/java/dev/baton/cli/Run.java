package dev.baton.cli;

import dev.baton.BatonConfig;
import dev.baton.handover.Limits;
import dev.baton.handover.Systemd;
import dev.baton.jdk.Signals;
import dev.baton.launch.EnvironmentFile;
import dev.baton.launch.LaunchSpec;
import dev.baton.launch.RuntimeDirectory;
import dev.baton.linux.Listeners;
import dev.baton.linux.OwnedDescriptor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs an application under a supervisor. */
@Command(
        name = "run",
        description = "Runs a Java application so that it can be restarted without its clients noticing.",
        mixinStandardHelpOptions = true)
final class Run implements Callable<Integer> {
    private static final int MOST_WARM_UP = 999_999;

    @Mixin
    private final TakingPart takingPart = new TakingPart();

    @Option(
            names = "--most-crashes",
            paramLabel = "N",
            defaultValue = "10",
            description = "give up when so many generations in a row have died (default ${DEFAULT-VALUE})")
    private int mostCrashes;

    @Option(
            names = "--agent",
            paramLabel = "JAR",
            description = "the agent to put into the application (default: the one that came with this command)")
    private @Nullable Path agent;

    @Option(names = "--no-agent", description = "for an application that uses Baton's library")
    private boolean noAgent;

    @Option(
            names = "--ready-http",
            paramLabel = "[PORT]/PATH",
            description = "a generation is ready only when it answers this request with 2xx or 3xx as well")
    private @Nullable String readyHttp;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "how many more times that is asked before, for a JVM is slow at first (default ${DEFAULT-VALUE})")
    private int warmUp;

    @Option(
            names = "--ready-line",
            paramLabel = "TEXT",
            description = "a generation is ready only when it has printed this as well")
    private @Nullable String readyLine;

    @Option(
            names = "--move",
            paramLabel = "WHEN",
            defaultValue = "auto",
            description = "whether live connections go to the next generation: on, off, or where that is proven for the"
                    + " server (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private String move;

    @Option(
            names = "--options-file",
            paramLabel = "FILE",
            description = "more options for java, in the format of its @argfiles, read anew for each generation")
    private @Nullable Path optionsFile;

    @Option(
            names = "--check",
            paramLabel = "COMMAND",
            description =
                    "a test of the configuration, run by sh before anything is started; when it fails, nothing is")
    private @Nullable String check;

    @Option(
            names = "--check-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = Time.class,
            description = "how long it may take; less than --child-timeout (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration checkTimeout;

    @Parameters(paramLabel = "COMMAND", arity = "1..*", description = "what to run, after --: java -jar shop.jar")
    @SuppressWarnings("NullAway.Init")
    private List<String> command;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws Main.Refusal {
        var config = takingPart.config().build();
        if (check != null && checkTimeout.compareTo(config.childTimeout()) >= 0) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--check-timeout, " + checkTimeout.toMillis() / 1000.0 + " s, must be less than --child-timeout, "
                            + config.childTimeout().toMillis() / 1000.0 + " s");
        }
        if (!List.of("auto", "on", "off").contains(move)) {
            throw new ParameterException(spec.commandLine(), "--move is none of auto, on, off: " + move);
        }
        if (readyHttp != null && !readyHttp.matches("\\d*/[^\\s,]*")) {
            throw new ParameterException(
                    spec.commandLine(), "--ready-http is neither /PATH nor PORT/PATH, without commas: " + readyHttp);
        }
        if (warmUp < 0 || warmUp > MOST_WARM_UP) {
            throw new ParameterException(
                    spec.commandLine(), "--warm-up is not a number from 0 to " + MOST_WARM_UP + ": " + warmUp);
        }
        if (warmUp > 0 && readyHttp == null) {
            throw new ParameterException(
                    spec.commandLine(), "--warm-up needs --ready-http [PORT]/PATH, which is what it asks for");
        }
        if (readyLine != null && (readyLine.isEmpty() || readyLine.contains(","))) {
            throw new ParameterException(
                    spec.commandLine(), "--ready-line is empty or has a comma: '" + readyLine + "'");
        }
        try {
            return supervise(config);
        } catch (IOException e) {
            throw new Main.Refusal(Main.NOT_DONE, "cannot run " + String.join(" ", command) + ": " + e.getMessage());
        }
    }

    private int supervise(BatonConfig config) throws Main.Refusal, IOException {
        var name =
                config.name().orElseGet(() -> "run-" + ProcessHandle.current().pid());
        var socket = config.controlSocket().isPresent()
                ? config.controlSocket().get().toAbsolutePath()
                : RuntimeDirectory.locate().create().path().resolve(name + ".sock");
        var jar = noAgent ? Optional.<Path>empty() : Optional.of(agent != null ? agent : ownAgent());
        var java = new JavaCommand(command, jar, agentOptions(config), Optional.ofNullable(optionsFile));
        var here = withoutServiceManager(LaunchSpec.ofThisProcess());
        Callable<LaunchSpec> launch = () -> {
            var environment = config.environmentFile().isPresent()
                    ? here.with(EnvironmentFile.read(config.environmentFile().get()))
                            .environment()
                    : here.environment();
            var directory = config.directory().orElse(here.directory());
            var spec = new LaunchSpec(java.command(directory), java.environment(environment, directory), directory);
            java.check(spec.program());
            return spec;
        };
        Supervisor.Check test = check == null ? _ -> {} : new ConfigurationTest(check, checkTimeout);
        var limits = new Limits(config.childTimeout(), config.readyTimeout(), config.watch(), config.shutdownTimeout());
        var supervisor = new Supervisor(new Supervisor.Settings(
                name,
                socket,
                config.pidFile(),
                limits,
                launch,
                test,
                mostCrashes,
                sockets(jar.isPresent()),
                Systemd.of(System.getenv(), false)));
        Signals.on("HUP", () -> supervisor.restart("SIGHUP"));
        Signals.on("TERM", () -> supervisor.stop("SIGTERM"));
        Signals.on("INT", () -> supervisor.stop("SIGINT"));
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(supervisor::close));
        return supervisor.run();
    }

    /** It stands beside the jars this command runs with. */
    static Path ownAgent() throws IOException {
        try {
            var own = Path.of(Main.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            return own.resolveSibling("lib").resolve("baton-agent.jar");
        } catch (URISyntaxException e) {
            throw new IOException("where this command's jar is cannot be told: " + e.getMessage(), e);
        }
    }

    private String agentOptions(BatonConfig config) {
        return "supervised=true,shutdown-timeout=" + config.shutdownTimeout().toMillis() / 1000.0 + ",move=" + move
                + ",move-over=" + config.moveOver().toMillis() / 1000.0
                + (readyHttp == null ? "" : ",ready-http=" + readyHttp + ",warm-up=" + warmUp)
                + (readyLine == null ? "" : ",ready-line=" + readyLine);
    }

    private static LaunchSpec withoutServiceManager(LaunchSpec spec) {
        for (var variable : Systemd.VARIABLES) {
            spec = spec.without(variable);
        }
        return spec;
    }

    /** A generation with the agent asks by address; one with the library by the name the service manager knows as well. */
    private static Map<String, OwnedDescriptor> sockets(boolean byAddress) throws IOException {
        var sockets = new LinkedHashMap<String, OwnedDescriptor>();
        for (var one : Systemd.sockets(System.getenv())) {
            var name = byAddress ? agentName(Listeners.localAddress(one.descriptor())) : one.name();
            var free = name;
            for (int i = 2; sockets.containsKey(free); i++) {
                free = name + "#" + i;
            }
            sockets.put(free, one.descriptor());
        }
        return sockets;
    }

    /** As the agent names what the application binds. */
    private static String agentName(SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet)) {
            return "unix:" + Listeners.text(address);
        }
        var host = inet.getAddress().getHostAddress();
        return "tcp:"
                + (inet.getAddress().isAnyLocalAddress() ? "*" : host.contains(":") ? "[" + host + "]" : host) + ":"
                + inet.getPort();
    }
}

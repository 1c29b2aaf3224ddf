package dev.baton.cli;

import dev.baton.BatonConfig;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of every command that starts a server. */
final class TakingPart {
    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "the name to restart it by (default: made from its pid)")
    private @Nullable String name;

    @Option(
            names = "--control-socket",
            paramLabel = "PATH",
            description = "where to listen for restart and status (default: NAME.sock in the runtime directory)")
    private @Nullable Path controlSocket;

    @Option(
            names = "--pid-file",
            paramLabel = "FILE",
            description = "a file that always holds the pid of the serving process")
    private @Nullable Path pidFile;

    @Option(
            names = "--environment-file",
            paramLabel = "FILE",
            description = "KEY=VALUE lines, read anew for each successor")
    private @Nullable Path environmentFile;

    @Option(
            names = "--directory",
            paramLabel = "DIR",
            description =
                    "where successors start; a link is followed anew (default: the current directory as you named it)")
    private @Nullable Path directory;

    @Option(
            names = "--shutdown-timeout",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "30s",
            description = "how long what was accepted may take to finish (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration shutdownTimeout;

    @Option(
            names = "--child-timeout",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "60s",
            description = "how long a successor may be silent before it is ready (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration childTimeout;

    @Option(
            names = "--ready-timeout",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "15m",
            description =
                    "how long it may take to become ready, however much progress it tells (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration readyTimeout;

    @Option(
            names = "--watch",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "1s",
            description = "how long a successor is watched before the incumbent lets go (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration watch;

    @Option(
            names = "--move-over",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "0s",
            description = "over how long live connections are spread when they go to the successor (default"
                    + " ${DEFAULT-VALUE}: all at once)")
    @SuppressWarnings("NullAway.Init")
    private Duration moveOver;

    BatonConfig.Builder config() {
        var config = BatonConfig.builder()
                .shutdownTimeout(shutdownTimeout)
                .childTimeout(childTimeout)
                .readyTimeout(readyTimeout)
                .watch(watch)
                .moveOver(moveOver);
        if (name != null) {
            config.name(name);
        }
        if (controlSocket != null) {
            config.controlSocket(controlSocket);
        }
        if (pidFile != null) {
            config.pidFile(pidFile);
        }
        if (environmentFile != null) {
            config.environmentFile(environmentFile);
        }
        if (directory != null) {
            config.directory(directory);
        }
        return config;
    }
}

package dev.baton.agent;

import dev.baton.BatonConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How the application takes part, as the command line has it: {@code name=shop,shutdown-timeout=60}. What is not given there
 * is taken from the environment, {@code BATON_NAME}, {@code BATON_SHUTDOWN_TIMEOUT}. Times are in seconds.
 *
 * @param config what it has in common with applications that take part by themselves
 * @param health what must succeed before this generation is ready; null for nothing
 * @param warmUp how many more times that is asked before it is ready, for a JVM is slow at first
 * @param line what it must have printed before; null for nothing
 * @param move whether live connections go to the successor
 */
record Options(
        BatonConfig config,
        @Nullable Health health,
        int warmUp,
        @Nullable String line,
        Move move) {
    private static final Set<String> NAMES = Set.of(
            "name",
            "control-socket",
            "pid-file",
            "environment-file",
            "directory",
            "ready-http",
            "ready-line",
            "ready-timeout",
            "warm-up",
            "shutdown-timeout",
            "child-timeout",
            "watch",
            "move",
            "move-over",
            "supervised");

    /** {@return whether the agent was put there by a supervisor} */
    static boolean isSupervised(String text) {
        return ("," + text + ",").contains(",supervised=true,");
    }

    /** Whether live connections go to the successor. */
    enum Move {
        /** Where it is proven for the server, see {@link Movable}. */
        AUTO,
        /** Whatever the server. */
        ON,
        /** They are drained. */
        OFF
    }

    /**
     * Reads options.
     *
     * @param text what stands after {@code =}; empty for none
     * @param environment the process' environment
     * @throws IllegalArgumentException if one is not known, or has no such value
     */
    static Options parse(String text, Map<String, String> environment) {
        var options = new LinkedHashMap<String, String>();
        for (var name : NAMES) {
            var value = environment.get("BATON_" + name.toUpperCase(Locale.ROOT).replace('-', '_'));
            if (value != null && !value.isEmpty()) {
                options.put(name, value);
            }
        }
        for (var option : text.split(",", -1)) {
            if (!option.isEmpty()) {
                var parts = option.split("=", 2);
                if (parts.length != 2 || !NAMES.contains(parts[0])) {
                    throw new IllegalArgumentException("the option '" + option
                            + "' of the agent is none of NAME=VALUE with " + String.join(", ", NAMES));
                }
                options.put(parts[0], parts[1]);
            }
        }
        var config = BatonConfig.builder();
        var health = options.remove("ready-http");
        var line = options.remove("ready-line");
        var warmUp = options.remove("warm-up");
        if (warmUp != null && health == null) {
            throw new IllegalArgumentException(
                    "warm-up=" + warmUp + " needs ready-http=/PATH, which is what it asks for");
        }
        var move = options.remove("move");
        for (var option : options.entrySet()) {
            apply(config, option.getKey(), option.getValue());
        }
        return new Options(
                config.build(),
                health == null ? null : Health.parse(health),
                warmUp == null ? 0 : count("warm-up", warmUp),
                line,
                move == null ? Move.AUTO : move(move));
    }

    private static void apply(BatonConfig.Builder config, String name, String value) {
        var _ = switch (name) {
            case "name" -> config.name(value);
            case "control-socket" -> config.controlSocket(Path.of(value));
            case "pid-file" -> config.pidFile(Path.of(value));
            case "environment-file" -> config.environmentFile(Path.of(value));
            case "directory" -> config.directory(Path.of(value));
            case "shutdown-timeout" -> config.shutdownTimeout(seconds(name, value));
            case "ready-timeout" -> config.readyTimeout(seconds(name, value));
            case "child-timeout" -> config.childTimeout(seconds(name, value));
            case "watch" -> config.watch(seconds(name, value));
            case "move-over" -> config.moveOver(seconds(name, value));
            case "supervised" -> config; // whether a supervisor has put the agent there, see Bystander
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static Move move(String value) {
        return switch (value) {
            case "auto" -> Move.AUTO;
            case "on" -> Move.ON;
            case "off" -> Move.OFF;
            default -> throw new IllegalArgumentException("move=" + value + " is none of auto, on, off");
        };
    }

    private static int count(String name, String value) {
        if (value.matches("\\d{1,6}")) {
            return Integer.parseInt(value);
        }
        throw new IllegalArgumentException(name + "=" + value + " is not a number from 0 to 999999");
    }

    private static Duration seconds(String name, String value) {
        try {
            return Duration.ofMillis(Math.round(Double.parseDouble(value) * 1000));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + "=" + value + " is not a number of seconds", e);
        }
    }
}

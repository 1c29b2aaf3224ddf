package dev.baton.cli;

import dev.baton.control.ControlClient;
import dev.baton.launch.RuntimeDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Finds the control socket somebody means: a path, a name, or the pid of a process that serves.
 *
 * <p>The kernel tells on a connected socket which process called listen(2) on it ({@code SO_PEERCRED}, unix(7)), so that a
 * pid is found by asking each socket of the runtime directory whose it is. A process with a control socket elsewhere is
 * found by the names of its sockets in {@code /proc}.
 */
final class Target {
    private Target() {}

    static Path socket(String target) throws Main.Refusal, IOException {
        if (target.contains("/")) {
            return Path.of(target);
        }
        var directory = RuntimeDirectory.locate();
        if (!target.chars().allMatch(Character::isDigit)) {
            var socket = directory.path().resolve(target + ".sock");
            if (!Files.exists(socket)) {
                throw new Main.Refusal(
                        Main.NOBODY_THERE,
                        "nothing is named " + target + ": " + socket + " does not exist" + known(directory));
            }
            return socket;
        }
        var pid = Long.parseLong(target);
        var own = boundBy(pid);
        var candidates = new LinkedHashSet<>(directory.sockets());
        candidates.addAll(own);
        for (var socket : candidates) {
            try (var client = ControlClient.connect(socket)) {
                if (client.pid() == pid) {
                    return socket;
                }
            } catch (IOException e) {
                // Stale, or somebody else's; not the one that is looked for.
            }
        }
        for (var socket : own) {
            if (!Files.exists(socket)) {
                throw new Main.Refusal(
                        Main.NOBODY_THERE,
                        "the control socket of pid " + pid + " is gone: somebody has removed " + socket + "; kill -HUP "
                                + pid + " restarts it all the same and makes the socket anew");
            }
        }
        throw new Main.Refusal(
                Main.NOBODY_THERE,
                ProcessHandle.of(pid).isPresent()
                        ? "pid " + pid + " has no control socket: it does not take part, or is not the incumbent"
                                + known(directory)
                        : "there is no process " + pid + known(directory));
    }

    /** An incumbent binds PATH.PID and renames it to PATH; the kernel goes on calling it what it was bound to. */
    private static Set<Path> boundBy(long pid) {
        var paths = new LinkedHashSet<Path>();
        var suffix = "." + pid;
        try (var lines = Files.lines(Path.of("/proc/" + pid + "/net/unix"))) {
            lines.map(line -> line.substring(line.lastIndexOf(' ') + 1))
                    .filter(name -> name.startsWith("/") && name.endsWith(suffix))
                    .map(name -> Path.of(name.substring(0, name.length() - suffix.length())))
                    .forEach(paths::add);
        } catch (IOException e) {
            // No such process; the message says so.
        }
        return paths;
    }

    private static String known(RuntimeDirectory directory) throws IOException {
        List<String> names = new ArrayList<>();
        for (var socket : directory.sockets()) {
            names.add(socket.getFileName().toString().replaceAll("\\.sock$", ""));
        }
        return names.isEmpty() ? "" : "; known names: " + String.join(", ", names);
    }
}

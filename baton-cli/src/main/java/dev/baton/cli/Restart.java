package dev.baton.cli;

import dev.baton.control.ControlClient;
import dev.baton.control.Message;
import dev.baton.handover.Report;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Restarts an application and waits until it is over. */
@Command(
        name = "restart",
        description = "Hands a running application over to a successor and waits until that is over.",
        mixinStandardHelpOptions = true)
final class Restart implements Callable<Integer> {
    private static final int MOST_MOVES = 10;

    @Parameters(paramLabel = "TARGET", description = "pid, name, or path of the control socket")
    @SuppressWarnings("NullAway.Init")
    private String target;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            converter = Time.class,
            defaultValue = "20m",
            description = "how long to wait; the handover goes on without (default ${DEFAULT-VALUE})")
    @SuppressWarnings("NullAway.Init")
    private Duration timeout;

    @Option(
            names = {"-q", "--quiet"},
            description = "no progress on the way")
    private boolean quiet;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws Main.Refusal, IOException {
        var out = spec.commandLine().getOut();
        var outcome = restart(
                Target.socket(target),
                timeout,
                quiet ? null : spec.commandLine().getErr());
        if (!outcome.ok()) {
            throw new Main.Refusal(Main.NOT_DONE, Report.line(outcome));
        }
        out.println(Report.line(outcome));
        return 0;
    }

    /** Asks for a restart and waits for its outcome, following the incumbent when it moves meanwhile. */
    static Message.Outcome restart(Path socket, Duration limit, @Nullable PrintWriter progress) throws Main.Refusal {
        var end = System.nanoTime() + limit.toNanos();
        for (int moves = 0; moves <= MOST_MOVES; moves++) {
            var answer = ask(socket, end, limit, progress);
            if (answer instanceof Message.Outcome outcome) {
                return outcome;
            }
            if (progress != null && answer instanceof Message.Moved(long pid)) {
                progress.println("pid " + pid + " has become the incumbent meanwhile; asking it");
            }
        }
        throw new Main.Refusal(
                Main.IN_VAIN, "the incumbent changed " + MOST_MOVES + " times while a restart was asked for");
    }

    private static Message ask(Path socket, long endNanos, Duration limit, @Nullable PrintWriter progress)
            throws Main.Refusal {
        ControlClient client;
        try {
            client = ControlClient.connect(socket);
        } catch (IOException e) {
            throw new Main.Refusal(Main.NOBODY_THERE, "cannot restart: " + e.getMessage());
        }
        try (client) {
            client.send(new Message.Restart());
            while (true) {
                var message = client.receive(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())));
                switch (message) {
                    case null ->
                        throw new Main.Refusal(
                                Main.IN_VAIN,
                                "the handover of pid " + client.pid() + " is not over after " + limit.toSeconds()
                                        + " s; it goes on, see baton status " + socket);
                    case Message.Progress(String text) -> {
                        if (progress != null) {
                            progress.println(text);
                        }
                    }
                    case Message.Outcome outcome -> {
                        return outcome;
                    }
                    case Message.Moved moved -> {
                        return moved;
                    }
                    case Message.Refused(String code, String reason) ->
                        throw new Main.Refusal(
                                Main.REFUSED, "pid " + client.pid() + " refused (" + code + "): " + reason);
                    default ->
                        throw new Main.Refusal(
                                Main.REFUSED,
                                "pid " + client.pid() + " gave an answer that means nothing here: " + message);
                }
            }
        } catch (IOException e) {
            throw new Main.Refusal(
                    Main.NOT_DONE,
                    "the restart of pid " + client.pid() + " was not seen to its end: " + e.getMessage()
                            + "; see baton status " + socket);
        }
    }
}

package dev.baton.cli;

import dev.baton.control.ControlClient;
import dev.baton.control.Frame;
import dev.baton.control.Message;
import dev.baton.handover.Report;
import dev.baton.launch.ProcessStatus;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.jr.ob.JSON;

/** Tells how things stand. */
@Command(name = "status", description = "Tells how an application stands.", mixinStandardHelpOptions = true)
final class Status implements Callable<Integer> {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Parameters(paramLabel = "TARGET", description = "pid, name, or path of the control socket")
    @SuppressWarnings("NullAway.Init")
    private String target;

    @Option(names = "--json", description = "the same facts for programs")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws Main.Refusal, IOException {
        var socket = Target.socket(target);
        var status = status(socket);
        var process = ProcessStatus.of(status.pid());
        var out = spec.commandLine().getOut();
        if (json) {
            var fields = Frame.fieldsOf(status);
            process.residentKb().ifPresent(kb -> fields.put("residentKb", kb));
            process.descriptors().ifPresent(n -> fields.put("descriptors", n));
            process.threads().ifPresent(n -> fields.put("threads", n));
            fields.put("controlSocket", socket.toString());
            out.println(JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(fields));
        } else {
            print(out, socket, status, process);
        }
        return 0;
    }

    static Message.StatusReply status(Path socket) throws Main.Refusal {
        try (var client = ControlClient.connect(socket)) {
            client.send(new Message.Status());
            return switch (client.receive(LIMIT)) {
                case Message.StatusReply reply -> reply;
                case null ->
                    throw new Main.Refusal(
                            Main.IN_VAIN,
                            "pid " + client.pid() + " gives no answer on " + socket + " within " + LIMIT.toSeconds()
                                    + " s: it may be stopped or overloaded");
                case Message.Refused(String code, String reason) ->
                    throw new Main.Refusal(Main.REFUSED, "pid " + client.pid() + " refused (" + code + "): " + reason);
                default ->
                    throw new Main.Refusal(
                            Main.REFUSED, "pid " + client.pid() + " gave an answer that means nothing here");
            };
        } catch (IOException e) {
            throw new Main.Refusal(Main.NOBODY_THERE, "no status: " + e.getMessage());
        }
    }

    private static void print(PrintWriter out, Path socket, Message.StatusReply status, ProcessStatus process) {
        row(out, "name", status.name());
        row(out, "pid", Long.toString(status.pid()));
        row(out, "generation", Integer.toString(status.generation()));
        row(out, "state", status.state() + (status.phase().equals("idle") ? "" : ", handover " + status.phase()));
        row(out, "up", seconds(status.uptimeMs()));
        row(
                out,
                "listeners",
                status.listeners().stream()
                        .map(l -> l.name() + " " + l.addr() + (l.inherited() ? " (inherited)" : " (bound)"))
                        .collect(Collectors.joining(", ")));
        row(
                out,
                "open",
                status.state().equals("silent")
                        ? "not known: the generation does not answer"
                        : status.openConnections() + " connections, " + status.openRequests() + " requests"
                                + (status.openRequests() == 0 ? "" : ", oldest " + seconds(status.oldestRequestMs())));
        row(out, "baton", status.holdsBaton() ? "held" : "not held");
        if (status.supervisorPid() != null) {
            row(out, "supervisor", "pid " + status.supervisorPid());
        }
        if (status.successorPid() != null) {
            row(out, "successor", "pid " + status.successorPid());
        }
        if (status.predecessorPid() != null) {
            row(out, "predecessor", "pid " + status.predecessorPid() + ", still draining");
        }
        if (status.obstacle() != null) {
            row(out, "no restart", status.obstacle());
        }
        row(out, "memory", kib(process.residentKb()) + " (most " + kib(process.peakKb()) + ")");
        row(out, "descriptors", text(process.descriptors()) + ", threads " + text(process.threads()));
        row(out, "control", socket.toString());
        row(out, "last", status.lastHandover() == null ? "no handover yet" : Report.line(status.lastHandover()));
        row(out, "version", status.baton());
        out.flush();
    }

    private static void row(PrintWriter out, String name, String value) {
        out.printf("%-12s %s%n", name, value);
    }

    private static String seconds(long ms) {
        return "%.1f s".formatted(ms / 1000.0);
    }

    private static String kib(OptionalLong kb) {
        return kb.isPresent() ? kb.getAsLong() / 1024 + " MiB" : "?";
    }

    private static String text(OptionalLong value) {
        return value.isPresent() ? Long.toString(value.getAsLong()) : "?";
    }
}

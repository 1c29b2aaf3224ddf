package dev.baton.handover;

import dev.baton.control.Message;

/** The one line in which the outcome of a handover is told, in the log and on the command line. */
public final class Report {
    private Report() {}

    /**
     * The line.
     *
     * @param outcome how it ended
     * @return the line, without a line break
     */
    public static String line(Message.Outcome outcome) {
        var to = outcome.toPid() == null
                ? ""
                : "pid " + outcome.toPid() + " (generation " + outcome.toGeneration() + ")";
        if (outcome.fromPid() == 0) {
            return outcome.ok()
                    ? to + " serves: ready after " + outcome.readyMs() + " ms"
                    : "nobody serves: " + (to.isEmpty() ? "no process" : to) + ": " + outcome.reason();
        }
        var from = "pid " + outcome.fromPid() + " (generation " + outcome.fromGeneration() + ")";
        if (outcome.ok()) {
            var cut = outcome.cutConnections() + outcome.cutRequests() == 0
                    ? "nothing cut"
                    : outcome.cutRequests() + " requests and " + outcome.cutConnections()
                            + " idle connections cut at the deadline";
            var moved = outcome.moved() == null || outcome.moved() == 0
                    ? ""
                    : outcome.moved() + (outcome.moved() == 1 ? " connection" : " connections") + " moved, ";
            return from + " handed over to " + to + ": ready after " + outcome.readyMs() + " ms, serving after "
                    + outcome.servingMs() + " ms, drained after " + outcome.totalMs() + " ms, " + moved + cut;
        }
        return "still serving from " + from + ": the successor" + (to.isEmpty() ? "" : ", " + to + ",")
                + (outcome.rolledBack() ? " was taken back after " : " was called off after ") + outcome.totalMs()
                + " ms: " + outcome.reason();
    }
}

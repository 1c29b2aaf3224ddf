package dev.baton.handover;

/** What whoever asked for a restart is told. Every asker is told exactly one of these. */
public sealed interface Outcome {
    /** The successor serves and the incumbent has finished. */
    record Completed() implements Outcome {}

    /**
     * The incumbent serves on.
     *
     * @param reason why, in words for an operator
     * @param rolledBack whether the successor had begun to serve
     */
    record CalledOff(String reason, boolean rolledBack) implements Outcome {}

    /** Another generation has become the incumbent meanwhile: ask that one. */
    record Moved() implements Outcome {}

    /** The incumbent is stopping for good. */
    record Stopping() implements Outcome {}
}

package dev.baton.load;

/** Ends an exchange that does not end well. It carries the outcome to the one place that counts it, so no stack trace. */
final class Lost extends Exception {
    private static final long serialVersionUID = 1;

    private final Outcome outcome;

    Lost(Outcome outcome, String received) {
        super(received, null, false, false);
        this.outcome = outcome;
    }

    Outcome outcome() {
        return outcome;
    }

    String received() {
        return String.valueOf(getMessage());
    }
}

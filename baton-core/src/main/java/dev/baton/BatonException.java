package dev.baton;

import java.io.IOException;

/**
 * Something an operator can mend: the message says what was attempted, where, what the system said, what state things
 * are in now and what to do. Print the message; the stack trace says nothing more.
 */
public class BatonException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * An error that came up here.
     *
     * @param message the whole story, in words for an operator
     */
    public BatonException(String message) {
        super(message);
    }

    /**
     * An error the system reported.
     *
     * @param message the whole story, in words for an operator
     * @param cause what the system said
     */
    public BatonException(String message, Throwable cause) {
        super(message, cause);
    }
}

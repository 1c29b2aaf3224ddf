package dev.baton.netty;

import java.io.IOException;

/** The client's fault, with the status that says which. */
final class Refusal extends IOException {
    private final int status;

    Refusal(int status, String message) {
        super(message);
        this.status = status;
    }

    int status() {
        return status;
    }

    Response response() {
        return Response.text(getMessage() + "\n").status(status);
    }
}

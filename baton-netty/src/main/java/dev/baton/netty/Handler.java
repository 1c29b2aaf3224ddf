package dev.baton.netty;

/** Answers requests, each on a virtual thread of its own that may block. */
@FunctionalInterface
public interface Handler {
    /**
     * Answers one request.
     *
     * <p>An exception becomes the answer 500 and a line in the log. What the server knows better (a body that is too
     * long, late or malformed, told by an exception of {@link Request#body}) becomes 413, 408 or 400 when the handler
     * lets that exception through.
     *
     * @param request what the client asked; its body can be read until the answer has been given
     * @return the answer
     * @throws Exception if there is no answer
     */
    Response handle(Request request) throws Exception;
}

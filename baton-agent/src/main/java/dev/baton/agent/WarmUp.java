package dev.baton.agent;

import dev.baton.Deadline;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a generation is asked before it is ready, so that what a JVM does slowly for the first time is done before clients wait for
 * it. It goes by turns, for meanwhile the application may open another listener, or become unwell. For use by one thread.
 */
final class WarmUp {
    static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int TURN = 50;

    private final int requests;
    private int asked;
    private @Nullable Deadline limit;

    /**
     * One to come.
     *
     * @param requests how many there are to be; 0 for none
     */
    WarmUp(int requests) {
        this.requests = requests;
    }

    /** Asks for its health, see {@link Health}. */
    interface Question {
        /** {@return what speaks against readiness, empty if nothing does} */
        String ask() throws IOException;
    }

    /** Asks for a while. {@return what speaks against readiness, in words for an operator; empty when it is over} */
    String turn(Question question) throws IOException {
        if (limit == null) {
            limit = Deadline.after(LIMIT);
        }
        for (int end = Math.min(requests, asked + TURN); asked < end && !limit.isPassed(); asked++) {
            var answer = question.ask();
            if (!answer.isEmpty()) {
                return answer;
            }
        }
        return asked >= requests || limit.isPassed() ? "" : "warming up";
    }

    /** {@return how many requests were answered} */
    int asked() {
        return asked;
    }
}

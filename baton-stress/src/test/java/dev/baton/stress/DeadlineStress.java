package dev.baton.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import dev.baton.Deadline;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** A deadline that passes while actions are added to it. */
public final class DeadlineStress {
    private static final Duration LONG = Duration.ofDays(1);

    private DeadlineStress() {}

    /** Each action runs once, in the order in which they were added, whoever runs them. */
    @JCStressTest
    @Outcome(id = "1, 2, 2", expect = ACCEPTABLE, desc = "each once, in order")
    @State
    public static class Order {
        private final Deadline deadline = Deadline.after(LONG);
        private final AtomicInteger ran = new AtomicInteger();
        private volatile int first;
        private volatile int second;

        @Actor
        public void adds() {
            deadline.onPassed(() -> first = ran.incrementAndGet());
            deadline.onPassed(() -> second = ran.incrementAndGet());
        }

        @Actor
        public void passes() {
            deadline.bringForward();
        }

        @Arbiter
        public void afterwards(III_Result result) {
            result.r1 = first;
            result.r2 = second;
            result.r3 = ran.get();
        }
    }

    /** Actions that two threads add run one after the other. */
    @JCStressTest
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "both ran, and it has passed")
    @State
    public static class TwoWhoAdd {
        private final Deadline deadline = Deadline.after(LONG);
        private int ran;

        @Actor
        public void adds() {
            deadline.onPassed(() -> ran++);
        }

        @Actor
        public void addsAndPasses() {
            deadline.onPassed(() -> ran++);
            deadline.bringForward();
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = ran;
            result.r2 = deadline.isPassed() ? 1 : 0;
        }
    }
}

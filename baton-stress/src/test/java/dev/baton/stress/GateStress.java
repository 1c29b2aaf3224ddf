package dev.baton.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import sun.nio.ch.BatonTraffic;

/** The gate of a descriptor: threads of the application at their calls, and the mover that closes the gate. */
public final class GateStress {
    private static final AtomicInteger NEXT = new AtomicInteger();
    private static final int NUMBERS = 1 << 15;
    private static final int BYTES = 5;
    private static final long MEMORY = Arena.global().allocate(BYTES).address();

    private GateStress() {}

    /** A connection, under a number that no other state uses at the time: jcstress keeps some ten thousand. */
    private static int connection() {
        int number = NEXT.getAndIncrement() % NUMBERS;
        BatonTraffic.accepted(number, 0, null);
        return number;
    }

    /** Closes the gate, and waits until nobody is inside. */
    private static void hold(int number) {
        BatonTraffic.hold(number);
        while (BatonTraffic.isUsed(number)) {
            Thread.onSpinWait();
        }
    }

    /** While the gate is closed nobody is inside, and whoever comes next sees what was done meanwhile. */
    @JCStressTest
    @Outcome(id = "7", expect = ACCEPTABLE, desc = "no step is lost")
    @State
    public static class Exclusion {
        private final int number = connection();
        private int steps;

        @Actor
        public void application() {
            var conversation = BatonTraffic.at(number);
            conversation.enter();
            steps += 1;
            conversation.exit();
            conversation.enter();
            steps += 2;
            conversation.exit();
        }

        @Actor
        public void mover() {
            hold(number);
            steps += 4;
            BatonTraffic.release(number);
        }

        @Arbiter
        public void afterwards(I_Result result) {
            result.r1 = steps;
        }
    }

    /** Whoever finds nobody inside sees all of what a call did, or nothing. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "the call comes afterwards")
    @Outcome(id = "5, 5", expect = ACCEPTABLE, desc = "the call came before")
    @State
    public static class Visibility {
        private final int number = connection();

        @Actor
        public void application() {
            var conversation = BatonTraffic.at(number);
            conversation.enter();
            conversation.sent(MEMORY, BYTES);
            conversation.exit();
        }

        @Actor
        public void mover(II_Result result) {
            hold(number);
            result.r1 = (int) BatonTraffic.counts(number)[1];
            Thread.onSpinWait();
            result.r2 = (int) BatonTraffic.counts(number)[1];
            BatonTraffic.release(number);
        }
    }

    /** Whoever holds the gate finds the connection there, or closed; it is not closed meanwhile. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "closed")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "there")
    @State
    public static class Close {
        private final int number = connection();

        @Actor
        public void application() {
            var conversation = BatonTraffic.at(number);
            conversation.enter();
            BatonTraffic.forget(number);
            conversation.exit();
        }

        @Actor
        public void mover(II_Result result) {
            hold(number);
            result.r1 = BatonTraffic.id(number) == 0 ? 0 : 1;
            Thread.onSpinWait();
            result.r2 = BatonTraffic.id(number) == 0 ? 0 : 1;
            BatonTraffic.release(number);
        }
    }
}

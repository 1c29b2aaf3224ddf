package dev.baton;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeadlineTest {
    @Test
    void shouldRunActionsInTheOrderInWhichTheyWereAdded() {
        var deadline = Deadline.after(Duration.ofDays(1));
        var ran = new ArrayList<Integer>();
        for (int i = 1; i <= 3; i++) {
            int number = i;
            deadline.onPassed(() -> ran.add(number));
        }

        deadline.bringForward();
        deadline.onPassed(() -> ran.add(4));

        assertThat(ran).isEqualTo(List.of(1, 2, 3, 4));
    }

    @Test
    void shouldRunTheOtherActionsWhenOneThrows() {
        var deadline = Deadline.after(Duration.ofDays(1));
        var ran = new ArrayList<Integer>();
        deadline.onPassed(() -> {
            throw new IllegalStateException("boom!");
        });
        deadline.onPassed(() -> ran.add(2));

        deadline.bringForward();

        assertThat(ran).containsExactly(2);
    }
}

package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.baton.it.Deployment.Note;
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Promise 7: one holder of the baton, and it passes once per handover. */
@Timeout(120)
class OneHolderOfTheBatonIT {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path directory;

    private Deployment app;

    @BeforeEach
    void start() throws Exception {
        app = Deployment.in(directory).start();
    }

    @AfterEach
    void end() throws Exception {
        app.close();
        assertThat(tenures().getLast().end().what()).isEqualTo("baton stop");
    }

    /** From a start to its stop; of a holder that was killed, to the note of who killed it. */
    private record Tenure(Note start, Note end) {}

    /** Each with its holder's own words, in order of their beginning. */
    private List<Tenure> tenures() throws Exception {
        var history = app.history();
        var tenures = new ArrayList<Tenure>();
        for (var start : app.history("baton start")) {
            var end = history.stream()
                    .filter(note -> note.nanos() > start.nanos())
                    .filter(note -> note.pid() == start.pid()
                            ? note.what().equals("baton stop") || note.what().startsWith("fault KILL_ITSELF")
                            : note.what().startsWith("fault KILL_INCUMBENT")
                                    && note.generation() == start.generation() + 1)
                    .findFirst()
                    .orElse(start);
            tenures.add(new Tenure(start, end));
        }
        for (int i = 1; i < tenures.size(); i++) {
            assertThat(tenures.get(i).start().nanos())
                    .as("%s must not begin before the end of %s", tenures.get(i), tenures.get(i - 1))
                    .isGreaterThan(tenures.get(i - 1).end().nanos());
        }
        return tenures;
    }

    private void awaitTenures(int count) {
        await().until(() -> app.history("baton start").size() == count);
    }

    @Test
    void shouldPassOncePerHandoverWithoutOverlap() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertThat(app.restart().ok()).isTrue();
        }
        awaitTenures(4);

        assertThat(tenures()).extracting(tenure -> tenure.start().generation()).containsExactly(1, 2, 3, 4);
        assertThat(app.status().holdsBaton()).isTrue();
    }

    @Test
    void shouldStayWhereItIsWhenTheHandoverIsCalledOff() throws Exception {
        app.next(Deed.EXIT, Step.ACCEPTING);

        assertThat(app.restart().ok()).isFalse();

        assertThat(app.history("baton")).hasSize(1);
        assertThat(app.status().holdsBaton()).isTrue();
    }

    @Test
    void shouldPassWhenItsHolderIsKilled() throws Exception {
        app.next(Deed.KILL_INCUMBENT, Step.PREPARED);

        app.signal("HUP");

        awaitTenures(2);
        assertThat(tenures()).extracting(tenure -> tenure.start().generation()).containsExactly(1, 2);
        await().until(() -> app.status().holdsBaton());
    }

    @Test
    void shouldComeBackWhenTheSuccessorIsKilledThatHadIt() throws Exception {
        // Keeps the predecessor draining.
        try (var held = app.hold()) {
            app.awaitOpen(1, 1);
            app.next(Deed.KILL_ITSELF, Step.HOLDING);

            var outcome = app.restart();

            assertThat(outcome.rolledBack()).as("%s", outcome).isTrue();
            awaitTenures(3);
            assertThat(tenures())
                    .extracting(tenure -> tenure.start().generation())
                    .containsExactly(1, 2, 1);
            held.finish();
        }
    }
}

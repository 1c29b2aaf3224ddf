package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.linux.User;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The file through which everybody meets: left behind, removed, replaced, or somebody else's. */
@Timeout(120)
class ControlSocketIT {
    private static final int SOMEBODY_ELSE = 65534;

    @TempDir
    Path directory;

    @Test
    void shouldReplaceTheFileAKilledProcessLeftBehind() throws Exception {
        var killed = Site.in(directory).start();
        Deployment.signal("KILL", killed.pid());
        killed.process().waitFor();
        assertThat(killed.controlSocket()).exists();

        try (var app = Site.in(directory).start()) {
            assertThat(app.pid()).isNotEqualTo(killed.process().pid());
            app.restarted();
        }
    }

    @Test
    void shouldBeMadeAnewWhenSomebodyHasRemovedIt() throws Exception {
        try (var app = Site.in(directory).start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            var socket = app.controlSocket();
            Deployment.signal("STOP", incumbent);
            Files.delete(socket);

            var byPid = Site.baton(directory, "restart", Long.toString(incumbent));
            Deployment.signal("CONT", incumbent);

            assertThat(byPid.exitCode()).isEqualTo(3);
            assertThat(byPid.err())
                    .hasLineCount(1)
                    .contains("the control socket of pid " + incumbent + " is gone", socket.toString(), "kill -HUP");

            app.awaitLog(
                    "somebody had removed the control socket " + socket + "; pid " + incumbent + " has made it anew");
            app.restarted();
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldNotBeTakenFromALivingProcess() throws Exception {
        try (var app = Site.in(directory).start()) {
            var second = Site.in(directory).fail();

            assertThat(second.exitCode()).isEqualTo(1);
            assertThat(second.err())
                    .hasLineCount(1)
                    .contains(app.controlSocket() + " is in use by pid " + app.pid(), "choose another name or path")
                    .doesNotContain("\tat ");
            app.assertServesOn(app.pid());
            app.restarted();
        }
    }

    @Test
    void shouldNotBeReplacedAtTheStartWhenItBelongsToAnotherUser() throws Exception {
        assumeTrue(User.id() == 0, "only root can give a file away");
        var socket = Files.createFile(directory.resolve("hello.sock"));
        Files.setAttribute(socket, "unix:uid", SOMEBODY_ELSE);

        var refused = Site.in(directory).fail();

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err())
                .hasLineCount(1)
                .contains("the control socket " + socket + " belongs to uid " + SOMEBODY_ELSE, "remove it")
                .doesNotContain("\tat ");
        assertThat(socket).exists();
    }

    @Test
    void shouldFailTheHandoverWhenAnotherUsersFileHasTakenItsPlace() throws Exception {
        assumeTrue(User.id() == 0, "only root can give a file away");
        try (var app = Site.in(directory).start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            var socket = app.controlSocket();
            Files.delete(socket);
            Files.createFile(socket);
            Files.setAttribute(socket, "unix:uid", SOMEBODY_ELSE);

            Deployment.signal("HUP", incumbent);

            app.awaitLog("still serving from pid " + incumbent);
            assertThat(app.log()).contains("the control socket " + socket + " belongs to uid " + SOMEBODY_ELSE);
            Site.assertNothingLost(load);

            Files.delete(socket);
            Deployment.signal("HUP", incumbent);
            await().atMost(Duration.ofSeconds(30))
                    .ignoreExceptions()
                    .until(() -> app.status().generation() == 2);
        }
    }

    @Test
    void shouldNotBeMadeWhereSomethingElseLies() throws Exception {
        var socket = Files.writeString(directory.resolve("hello.sock"), "somebody's notes");

        var refused = Site.in(directory).fail();

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err()).hasLineCount(1).contains(socket + " exists and is no socket");
        assertThat(socket).hasContent("somebody's notes");
    }
}

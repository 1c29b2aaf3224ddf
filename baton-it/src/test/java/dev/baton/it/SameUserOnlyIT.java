package dev.baton.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.baton.control.Message;
import dev.baton.it.Misdeed.Deed;
import dev.baton.it.Misdeed.Step;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.User;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Promise 6: only the same user may take part, and of that user's processes only the successor that was started. */
@Timeout(120)
class SameUserOnlyIT {
    private static final int SOMEBODY_ELSE = 65534;

    @TempDir
    Path directory;

    @Test
    void shouldKeepOtherUsersOutByTheDirectoryAndByTheirCredentials() throws Exception {
        assumeTrue(User.id() == 0, "only root can start a process of another user");
        var classes = publicClasses();
        try (var app = Site.in(directory).byName().start();
                var load = app.load().start()) {
            var incumbent = app.pid();

            assertThat(askAsSomebodyElse(classes, app.controlSocket())).contains("EACCES");

            chmod(directory.resolve("run"), "rwxr-xr-x");
            chmod(app.controlSocket(), "rw-rw-rw-");

            assertThat(askAsSomebodyElse(classes, app.controlSocket()))
                    .contains("forbidden", "this process runs as uid 0, you as uid " + SOMEBODY_ELSE);
            app.awaitLog("of uid " + SOMEBODY_ELSE + " at the control socket");
            app.assertServesOn(incumbent);
            Site.assertNothingLost(load);
        }
    }

    @Test
    void shouldGiveNothingToAStrangerWhileTheSuccessorStarts() throws Exception {
        try (var app = Site.in(directory).start();
                var load = app.load().start()) {
            var socket = app.controlSocket();
            var outcome = app.restarting();
            var successor = app.awaitSuccessor();
            Deployment.signal("STOP", successor);
            assertThat(app.status().phase()).isEqualTo("starting");
            var token = token(successor);
            var me = ProcessHandle.current().pid();

            assertThat(refusal(socket, new Message.GetListener("main")))
                    .contains("only the successor that was started");
            assertThat(refusal(socket, new Message.GetState("baton.launch")))
                    .contains("only the successor that was started");
            assertThat(refusal(socket, new Message.Hello("0".repeat(token.length()), successor, "1")))
                    .isEqualTo("its token is not the one the successor was started with");
            assertThat(refusal(socket, new Message.Hello(token, successor, "1")))
                    .isEqualTo("pid " + me + " is neither the started successor, pid " + successor
                            + ", nor a descendant of it");
            Deployment.signal("CONT", successor);

            assertThat(outcome.get(60, TimeUnit.SECONDS)).returns(true, Message.Outcome::ok);
            assertThat(app.log())
                    .contains("refused pid " + me + " as successor")
                    .contains("to pid " + me + ", which is not the successor");
            Site.assertNothingLost(load);
            assertThat(app.pid()).isEqualTo(successor);
            assertThat(refusal(socket, new Message.Hello(token, successor, "1")))
                    .isEqualTo("pid " + successor + " expects no successor at the moment");
        }
    }

    @Test
    void shouldAcceptATokenOnce() throws Exception {
        try (var app = Deployment.in(directory)
                        .set("childTimeout", Duration.ofSeconds(30))
                        .start();
                var load = app.load().start()) {
            var incumbent = app.pid();
            app.next(Deed.HANG, Step.JOINED);
            var outcome = app.restarting();
            await().atMost(Duration.ofSeconds(30)).until(() -> app.status().phase(), "preparing"::equals);
            long successor = Objects.requireNonNull(app.status().successorPid());

            assertThat(refusal(app.controlSocket(), new Message.Hello(token(successor), successor, "1")))
                    .isEqualTo("pid " + incumbent + " expects no successor at the moment");

            assertThat(app.log())
                    .contains("refused pid " + ProcessHandle.current().pid() + " as successor");
            Deployment.signal("KILL", successor);
            assertThat(outcome.get(60, TimeUnit.SECONDS)).returns(false, Message.Outcome::ok);
            Deployment.awaitAnswers(load, 50);
            Deployment.assertNothingLost(load);
            app.nextBehaves();
            app.assertServedBy(incumbent);
        }
    }

    @Test
    void shouldNotMeetInADirectoryOthersMayEnter() throws Exception {
        var run = Files.createDirectory(directory.resolve("run"));
        chmod(run, "rwxr-xr-x");

        var refused = Site.in(directory).byName().fail();

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err())
                .hasLineCount(1)
                .contains("cannot keep control sockets in " + run, "has mode 0755", "chmod 700 " + run)
                .doesNotContain("\tat ");
    }

    @Test
    void shouldNotMeetInSomebodyElsesDirectory() throws Exception {
        assumeTrue(User.id() == 0, "only root can give a directory away");
        var run = Files.createDirectory(directory.resolve("run"));
        chmod(run, "rwx------");
        Files.setAttribute(run, "unix:uid", SOMEBODY_ELSE);

        var refused = Site.in(directory).byName().fail();

        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err()).hasLineCount(1).contains("belongs to uid " + SOMEBODY_ELSE, "BATON_RUNTIME_DIR");
    }

    private static String refusal(Path socket, Message message) throws IOException {
        return switch (Site.ask(socket, message)) {
            case Message.Refused refused -> refused.reason();
            case Message other -> throw new AssertionError(message + " was not refused: " + other);
        };
    }

    /** As any process of the same user could. */
    private static String token(long pid) throws IOException {
        var environment = Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
        return List.of(environment.split("\0")).stream()
                .filter(variable -> variable.startsWith("BATON_TOKEN="))
                .map(variable -> variable.substring(variable.indexOf('=') + 1))
                .findFirst()
                .orElseThrow();
    }

    private String askAsSomebodyElse(String classes, Path socket) throws Exception {
        var somebody = Integer.toString(SOMEBODY_ELSE);
        var command =
                new ArrayList<>(List.of("setpriv", "--reuid=" + somebody, "--regid=" + somebody, "--clear-groups"));
        command.add(Site.JAVA.toString());
        command.addAll(Site.OPTIONS);
        command.addAll(List.of("-cp", classes, Stranger.class.getName(), socket.toString()));
        var stranger = new ProcessBuilder(command)
                .directory(new java.io.File("/"))
                .redirectErrorStream(true)
                .start();
        try (var out = stranger.inputReader()) {
            return out.readAllAsString();
        } finally {
            stranger.destroyForcibly();
        }
    }

    /** Another user may be unable to read the build: the two places of classes that are needed, copied to where it can. */
    private String publicClasses() throws Exception {
        var target = Files.createDirectory(directory.resolve("classes"));
        chmod(directory, "rwx--x--x");
        var places = new ArrayList<String>();
        for (var type : List.of(Stranger.class, PacketSocket.class)) {
            places.add(Site.copyOfThePlaceOf(type, target).toString());
        }
        assertThat(new ProcessBuilder("chmod", "-R", "a+rX", target.toString())
                        .start()
                        .waitFor())
                .isZero();
        return String.join(":", places);
    }

    private static void chmod(Path path, String mode) throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }
}

package dev.baton.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RuntimeDirectoryTest {
    private static final int STRANGER = 54321;

    @TempDir
    Path temp;

    @Test
    void shouldBeTheFirstPlaceThatApplies() throws IOException {
        var run = Files.createDirectory(temp.resolve("run"));
        var home = Path.of("/home/me");
        var both = Map.of("BATON_RUNTIME_DIR", "/b", "XDG_RUNTIME_DIR", "/x");

        assertThat(RuntimeDirectory.locate(both, 7, run, home).path()).isEqualTo(Path.of("/b"));
        assertThat(RuntimeDirectory.locate(Map.of("XDG_RUNTIME_DIR", "/x"), 7, run, home)
                        .path())
                .isEqualTo(Path.of("/x/baton"));
        assertThat(RuntimeDirectory.locate(Map.of("XDG_RUNTIME_DIR", ""), 7, run, home)
                        .path())
                .isEqualTo(Path.of("/home/me/.baton/run"));
        assertThat(RuntimeDirectory.locate(Map.of(), 0, run, home).path()).isEqualTo(run.resolve("baton"));
        Files.createDirectories(run.resolve("user/7"));
        assertThat(RuntimeDirectory.locate(Map.of(), 7, run, home).path()).isEqualTo(run.resolve("user/7/baton"));
    }

    @Test
    void shouldRefuseARelativePlace() {
        assertThatThrownBy(() -> RuntimeDirectory.locate(Map.of("BATON_RUNTIME_DIR", "here"), 7, temp, temp))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("cannot use BATON_RUNTIME_DIR=here: it must be an absolute path");
    }

    @Test
    void shouldBeCreatedForItsOwnerAlone() throws IOException {
        var directory = new RuntimeDirectory(temp.resolve("a/b")).create().create();

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.path())))
                .isEqualTo("rwx------");
    }

    @Test
    void shouldListItsSocketsAndNoneBeforeItExists() throws IOException {
        var directory = new RuntimeDirectory(temp.resolve("run"));
        assertThat(directory.sockets()).isEmpty();

        directory.create();
        for (var name : new String[] {"b.sock", "a.sock", "a.log"})
            Files.createFile(directory.path().resolve(name));

        assertThat(directory.sockets())
                .containsExactly(
                        directory.path().resolve("a.sock"), directory.path().resolve("b.sock"));
    }

    @Test
    void shouldRefuseOneThatOthersMayEnter() throws IOException {
        var open = directory("open");
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-x---"));

        assertRefused(open, "it has mode 0750, so others may enter it; chmod 700 " + open);
    }

    @Test
    void shouldRefuseOneItsOwnerMayNotWrite() throws IOException {
        var closed = directory("closed");
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-x------"));

        assertRefused(closed, "it has mode 0500, so its owner may not use it; chmod 700 " + closed);
    }

    @Test
    void shouldRefuseWhatIsNoDirectory() throws IOException {
        assertRefused(Files.createFile(temp.resolve("file")), "it is not a directory; remove it");
        assertRefused(
                Files.createSymbolicLink(temp.resolve("link"), temp.resolve("missing")),
                "it is a symbolic link that leads nowhere");
        assertRefused(temp.resolve("file/below"), "it cannot be created: ");
    }

    @Test
    void shouldFollowALinkOfTheSameUser() throws IOException {
        var link = Files.createSymbolicLink(temp.resolve("link"), directory("real"));

        assertThat(new RuntimeDirectory(link).create().path()).isEqualTo(link);
    }

    @Test
    void shouldRefuseWhatBelongsToAnotherUser() throws IOException {
        assumeTrue(RuntimeDirectory.uid() == 0, "only root can give a directory away");
        var theirs = directory("theirs");
        Files.setAttribute(theirs, "unix:uid", STRANGER);
        var link = Files.createSymbolicLink(temp.resolve("link"), theirs);
        var theirLink = Files.createSymbolicLink(temp.resolve("theirLink"), directory("mine"));
        Files.setAttribute(theirLink, "unix:uid", STRANGER, LinkOption.NOFOLLOW_LINKS);

        assertRefused(theirs, "it belongs to uid 54321 and this process runs as uid 0; run as that user");
        assertRefused(link, "it belongs to uid 54321");
        assertRefused(theirLink, "it is a symbolic link made by uid 54321; remove it");
    }

    private Path directory(String name) throws IOException {
        return new RuntimeDirectory(temp.resolve(name)).create().path();
    }

    private static void assertRefused(Path path, String why) {
        assertThatThrownBy(() -> new RuntimeDirectory(path).create())
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("cannot keep control sockets in " + path + ": " + why);
    }
}

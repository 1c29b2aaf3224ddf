package dev.baton.control;

import static dev.baton.log.Log.LOG;

import dev.baton.linux.LinuxException;
import dev.baton.linux.PacketSocket;
import dev.baton.linux.User;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The listening control socket of the incumbent, at a path that belongs to the newest incumbent. Confined to the loop's
 * thread once it is open.
 *
 * <p><b>The path.</b> A new incumbent binds a name of its own beside the path and renames it over the path: whoever
 * connects reaches the old or the new one, never nothing. An older one still answers who connected before, and removes the
 * path on its way out only if it is its own file. When somebody deletes it, as those do who tidy up {@code /tmp}, it is made
 * anew within five seconds, or by {@link #heal} when it is needed before.
 */
public final class ControlSocket {
    private static final int BACKLOG = 64;
    private static final Duration LOOK = Duration.ofSeconds(5);

    private final ControlLoop loop;
    private final Path path;
    private final Consumer<PacketSocket> onConnection;
    private @Nullable PacketSocket socket;
    private @Nullable Object fileKey;
    private boolean isClosed;
    private boolean isTold;

    private ControlSocket(ControlLoop loop, Path path, Consumer<PacketSocket> onConnection) {
        this.loop = loop;
        this.path = path;
        this.onConnection = onConnection;
    }

    /**
     * Opens the control socket of a first generation. A file left behind by a process that is gone is replaced.
     *
     * @param loop the loop
     * @param path where
     * @param onConnection takes each connection, on the loop's thread
     * @return the open socket
     * @throws IOException if a living process listens there, if the file belongs to another user, or if it can't be made
     */
    public static ControlSocket open(ControlLoop loop, Path path, Consumer<PacketSocket> onConnection)
            throws IOException {
        var holder = holder(path);
        if (holder != null) {
            throw new IOException("the control socket " + path + " is in use by pid " + holder
                    + ": an application of this name runs already; choose another name or path, or stop it");
        }
        return takeOver(loop, path, onConnection);
    }

    /**
     * Opens the control socket at a path that its incumbent has passed on.
     *
     * @param loop the loop
     * @param path where
     * @param onConnection takes each connection, on the loop's thread
     * @return the open socket
     * @throws IOException if it cannot be made
     */
    public static ControlSocket takeOver(ControlLoop loop, Path path, Consumer<PacketSocket> onConnection)
            throws IOException {
        var control = new ControlSocket(loop, path.toAbsolutePath(), onConnection);
        control.bind();
        loop.execute(() -> loop.after(LOOK, control::look));
        return control;
    }

    /** {@return the path} */
    public Path path() {
        return path;
    }

    /**
     * Makes sure that the path leads to this socket. On the loop's thread.
     *
     * @return whether it had to be mended
     * @throws IOException if it leads to another process or can't be mended
     */
    public boolean heal() throws IOException {
        sweep();
        if (Objects.equals(fileKey, fileKey(path))) {
            return false;
        }
        var holder = holder(path);
        if (holder != null) {
            throw new IOException("the control socket " + path + " was replaced by pid " + holder);
        }
        shut();
        bind();
        LOG.log(
                System.Logger.Level.WARNING,
                "somebody had removed the control socket {0}; pid {1,number,#} has made it anew",
                path,
                ProcessHandle.current().pid());
        return true;
    }

    private void look() {
        if (isClosed) {
            return;
        }
        try {
            if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                heal();
            }
            isTold = false;
        } catch (IOException e) {
            if (!isTold) {
                isTold = true;
                LOG.log(
                        System.Logger.Level.WARNING,
                        "somebody has removed the control socket {0}, and it cannot be made anew: {1}; kill -HUP {2,number,#}"
                                + " restarts as well",
                        path,
                        e.getMessage(),
                        ProcessHandle.current().pid());
            }
        }
        loop.after(LOOK, this::look);
    }

    /** Stops listening and removes the file if it is still this socket's. On the loop's thread. */
    public void close() {
        isClosed = true;
        shut();
    }

    private void shut() {
        var open = socket;
        if (open == null) {
            return;
        }
        socket = null;
        loop.execute(() -> loop.unwatch(open.descriptor()));
        loop.execute(open::close);
        try {
            if (Objects.equals(fileKey, fileKey(path))) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            // It stays behind as a stale file, which the next one replaces.
        }
    }

    /**
     * Whose the path is.
     *
     * @param path a path
     * @return the process that listens there, or null when nobody does
     * @throws IOException if that cannot be told, or the file is not ours to replace
     */
    public static @Nullable Integer holder(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        if (Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS) instanceof Integer uid
                && uid != User.id()) {
            throw new IOException("the control socket " + path + " belongs to uid " + uid
                    + ", this process runs as uid " + User.id() + "; remove it or choose another path");
        }
        if (!(Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) instanceof Integer mode)
                || (mode & 0170000) != 0140000) {
            throw new IOException(path + " exists and is no socket; remove it or choose another path");
        }
        try (var probe = PacketSocket.connect(path)) {
            return probe.peer().pid();
        } catch (LinuxException e) {
            if (e.errno() == LinuxException.ECONNREFUSED || e.errno() == LinuxException.ENOENT) {
                return null;
            }
            if (e.errno() == LinuxException.EAGAIN) {
                throw new IOException("the control socket " + path + " is held by a process that does not answer", e);
            }
            throw e;
        }
    }

    private void bind() throws IOException {
        var own = path.resolveSibling(
                path.getFileName() + "." + ProcessHandle.current().pid());
        Files.deleteIfExists(own);
        var fresh = PacketSocket.listen(own, BACKLOG);
        try {
            fileKey = fileKey(own);
            Files.move(own, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            fresh.close();
            Files.deleteIfExists(own);
            throw new IOException("cannot put the control socket at " + path + ": " + e.getMessage(), e);
        }
        socket = fresh;
        loop.execute(() -> loop.watch(fresh.descriptor(), this::accept));
        sweep();
    }

    /** Removes what is left of processes that were killed between binding their own name and renaming it. */
    private void sweep() {
        var prefix = path.getFileName() + ".";
        try (var files = Files.newDirectoryStream(path.toAbsolutePath().getParent(), prefix + "*")) {
            for (var file : files) {
                var suffix = file.getFileName().toString().substring(prefix.length());
                if (suffix.matches("[0-9]{1,18}")
                        && ProcessHandle.of(Long.parseLong(suffix)).isEmpty()) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException | java.nio.file.DirectoryIteratorException e) {
            // They are in nobody's way.
        }
    }

    private void accept() {
        var open = socket;
        if (open == null) {
            return;
        }
        try {
            var connection = open.accept();
            if (connection != null) {
                onConnection.accept(connection);
            }
        } catch (LinuxException e) {
            LOG.log(System.Logger.Level.WARNING, "control socket " + path + ": " + e.getMessage());
            // No descriptors left: do not spin on what cannot be accepted now.
            loop.unwatch(open.descriptor());
            loop.after(Duration.ofMillis(200), () -> {
                if (open == socket) {
                    loop.watch(open.descriptor(), this::accept);
                }
            });
        }
    }

    private static @Nullable Object fileKey(Path path) throws IOException {
        try {
            return Files.readAttributes(
                            path, java.nio.file.attribute.BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }
}

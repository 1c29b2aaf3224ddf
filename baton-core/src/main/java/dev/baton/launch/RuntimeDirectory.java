package dev.baton.launch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;

/**
 * Where the control sockets of one user live. Whoever can write here can pose as an incumbent, so it is a directory of
 * that user alone.
 *
 * @param path the directory, absolute
 */
public record RuntimeDirectory(Path path) {
    private static final int GROUP_AND_WORLD = 0077;
    private static final int OWNER_RWX = 0700;

    /**
     * The directory of this process' user: {@code $BATON_RUNTIME_DIR}, else {@code $XDG_RUNTIME_DIR/baton}, else
     * {@code /run/user/UID/baton} if {@code /run/user/UID} exists, else {@code /run/baton} for root, else
     * {@code ~/.baton/run}. Nothing is created or checked; see {@link #create}.
     *
     * @return the place, the same for every process of the user that has the same two variables
     * @throws IOException if {@code $BATON_RUNTIME_DIR} is a relative path, or /proc cannot be read
     */
    public static RuntimeDirectory locate() throws IOException {
        return locate(System.getenv(), uid(), Path.of("/run"), Path.of(System.getProperty("user.home", "/")));
    }

    static RuntimeDirectory locate(Map<String, String> environment, int uid, Path run, Path home) throws IOException {
        var chosen = environment.getOrDefault("BATON_RUNTIME_DIR", "");
        if (!chosen.isEmpty()) {
            if (!chosen.startsWith("/"))
                throw new IOException("cannot use BATON_RUNTIME_DIR=" + chosen
                        + ": it must be an absolute path, the same for every process that should meet there");
            return new RuntimeDirectory(Path.of(chosen));
        }
        var xdg = environment.getOrDefault("XDG_RUNTIME_DIR", "");
        if (xdg.startsWith("/")) return new RuntimeDirectory(Path.of(xdg, "baton"));
        var ofUser = run.resolve("user").resolve(Integer.toString(uid));
        if (Files.isDirectory(ofUser)) return new RuntimeDirectory(ofUser.resolve("baton"));
        return new RuntimeDirectory(uid == 0 ? run.resolve("baton") : home.resolve(".baton/run"));
    }

    /**
     * Sees to it that the directory exists, with mode 0700, and belongs to this process' user alone. One that exists is
     * checked and never altered.
     *
     * @return this
     * @throws IOException if it cannot be created, or must not be trusted or used: not a directory, somebody else's, a link
     *     made by somebody else, open to group or world, read-only. The message says what to do
     */
    public RuntimeDirectory create() throws IOException {
        try {
            if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS))
                Files.createDirectories(
                        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw refused("cannot be created: " + Reason.of(e), "create it, or set BATON_RUNTIME_DIR");
        }
        check();
        return this;
    }

    private void check() throws IOException {
        int self = uid();
        if (Files.isSymbolicLink(path)) {
            int maker = attribute("uid", LinkOption.NOFOLLOW_LINKS);
            if (maker != self && maker != 0)
                throw refused("is a symbolic link made by uid " + maker, "remove it, or set BATON_RUNTIME_DIR");
            if (!Files.exists(path))
                throw refused("is a symbolic link that leads nowhere", "create what it leads to, or remove it");
        }
        if (!Files.isDirectory(path)) throw refused("is not a directory", "remove it, or set BATON_RUNTIME_DIR");
        int owner = attribute("uid");
        if (owner != self)
            throw refused(
                    "belongs to uid " + owner + " and this process runs as uid " + self,
                    "run as that user, chown it, or set BATON_RUNTIME_DIR");
        int mode = attribute("mode") & 07777;
        if ((mode & GROUP_AND_WORLD) != 0)
            throw refused("has mode %04o, so others may enter it".formatted(mode), "chmod 700 " + path);
        if ((mode & OWNER_RWX) != OWNER_RWX)
            throw refused("has mode %04o, so its owner may not use it".formatted(mode), "chmod 700 " + path);
        if (!Files.isWritable(path))
            throw refused("is on a file system mounted read-only", "set BATON_RUNTIME_DIR to a writable place");
    }

    /**
     * {@return the files named {@code *.sock} in it, sorted; none if the directory does not exist. That one is there does
     * not mean that anybody listens}
     *
     * @throws IOException if it cannot be read
     */
    public List<Path> sockets() throws IOException {
        if (Files.notExists(path)) return List.of();
        try (var entries = Files.list(path)) {
            return entries.filter(entry -> entry.toString().endsWith(".sock"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new IOException("cannot list the control sockets in " + path + ": " + Reason.of(e), e);
        }
    }

    private int attribute(String name, LinkOption... options) throws IOException {
        return (Integer) Files.getAttribute(path, "unix:" + name, options);
    }

    private IOException refused(String fact, String remedy) {
        return new IOException("cannot keep control sockets in " + path + ": it " + fact + "; " + remedy);
    }

    /** The effective user id: the second figure of {@code Uid:} in proc_pid_status(5). */
    static int uid() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("Uid:"))
                    .map(line -> Integer.parseUnsignedInt(line.split("\\s+", -1)[2]))
                    .findFirst()
                    .orElseThrow(() -> new IOException("/proc/self/status names no user id"));
        }
    }
}

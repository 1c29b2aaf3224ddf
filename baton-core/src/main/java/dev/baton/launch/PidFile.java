package dev.baton.launch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.OptionalLong;

/** The file that tells init scripts and operators which process serves: its pid in decimal and a newline. */
public final class PidFile {
    private PidFile() {}

    /*
     * A pid that is wrong is worse than none: an init script would signal a stranger. The new file is made beside the old
     * one, flushed to disk and renamed over it. Where the directory takes no new file, because the disk is full or the
     * directory read-only, the old file can still be written over, its block is there already. Writing comes before
     * cutting, so that a reader meanwhile finds the old pid, the new one, or two lines, which is no pid. Where that fails
     * too, the file is removed.
     */

    /**
     * Names a pid in the file. A reader sees the old pid, the new one or none, never a part. A symbolic link at that place
     * is replaced, not followed. Mode 0644.
     *
     * @param file where; its directory must exist
     * @param pid the process to name
     * @throws IOException if it could not be written; the file has then been removed, so that it names nobody, or the
     *     message says that it still names another
     */
    public static void write(Path file, long pid) throws IOException {
        var target = file.toAbsolutePath();
        var text = (pid + "\n").getBytes(StandardCharsets.US_ASCII);
        try {
            if (Files.isDirectory(target)) throw new IOException("it is a directory");
            replace(target, text);
        } catch (IOException e) {
            if (!writeOver(target, text)) throw failure(target, pid, e);
        }
    }

    private static void replace(Path target, byte[] text) throws IOException {
        // Always of the same name: who was killed here left it, and only one process at a time has the office to write.
        var fresh = target.resolveSibling("." + target.getFileName() + ".tmp");
        Files.deleteIfExists(fresh);
        try {
            try (var channel = FileChannel.open(fresh, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
                writeAll(channel, text);
            }
            Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-r--r--"));
            Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private static boolean writeOver(Path target, byte[] text) {
        try (var channel = FileChannel.open(target, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            writeAll(channel, text);
            channel.truncate(text.length);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static void writeAll(FileChannel channel, byte[] bytes) throws IOException {
        var text = ByteBuffer.wrap(bytes);
        while (text.hasRemaining()) channel.write(text);
        channel.force(true);
    }

    private static IOException failure(Path target, long pid, IOException cause) {
        var what = "cannot write pid " + pid + " to the pid file " + target + ": " + Reason.of(cause);
        try {
            if (!Files.isDirectory(target) && Files.deleteIfExists(target)) {
                return new IOException(what + "; removed it, since what it says is no longer so", cause);
            }
            return new IOException(what, cause);
        } catch (IOException e) {
            return new IOException(what + "; it cannot be removed either and goes on naming another process", cause);
        }
    }

    /**
     * Reads the pid.
     *
     * @param file where
     * @return the pid the file names, empty if there is no such file
     * @throws IOException if it cannot be read or names no pid
     */
    public static OptionalLong read(Path file) throws IOException {
        try {
            var text = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
            if (!text.matches("[1-9][0-9]{0,17}")) throw new IOException("it names no pid");
            return OptionalLong.of(Long.parseLong(text));
        } catch (NoSuchFileException e) {
            return OptionalLong.empty();
        } catch (IOException e) {
            throw new IOException("cannot read the pid file " + file.toAbsolutePath() + ": " + Reason.of(e), e);
        }
    }

    /**
     * Removes the file if it still names a pid, so that a generation that ends leaves its successor's file alone. Reading
     * and removing are two steps: the successor must not write between them, or must write again.
     *
     * @param file where
     * @param pid the process that ends
     * @return whether it was removed
     * @throws IOException if it cannot be read, names no pid, or cannot be removed
     */
    public static boolean removeIf(Path file, long pid) throws IOException {
        var named = read(file);
        if (named.isEmpty() || named.getAsLong() != pid) return false;
        try {
            return Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new IOException(
                    "cannot remove the pid file " + file.toAbsolutePath() + " of pid " + pid + ": " + Reason.of(e), e);
        }
    }
}

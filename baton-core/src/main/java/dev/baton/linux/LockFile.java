package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/**
 * A lock between processes, on a file (flock(2)). The kernel lets go when the holder closes it or dies, however it dies,
 * so there is never a stale lock to clean up. The file itself stays, empty; deleting it while it is held lets a second
 * holder in.
 *
 * <p>Two lock files of one path exclude each other even inside one process. Safe for use by any thread.
 */
public final class LockFile implements AutoCloseable {
    private static final int AT_FDCWD = -100;
    private static final int O_RDWR = 2;
    private static final int O_CREAT = 0x40;
    private static final int O_CLOEXEC = 0x80000;
    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;
    private static final int LOCK_UN = 8;

    private final Path path;
    private final OwnedDescriptor file;

    private LockFile(Path path, OwnedDescriptor file) {
        this.path = path;
        this.file = file;
    }

    /**
     * Opens the file, without taking the lock; makes it with mode 0600 if it is not there. It is close-on-exec, so a child
     * process does not hold the lock on.
     *
     * @param path the file, in a directory that exists
     * @return the lock, not held
     * @throws IOException if it cannot be opened
     */
    public static LockFile open(Path path) throws IOException {
        try (var arena = Arena.ofConfined()) {
            var name = arena.allocateFrom(path.toString(), SocketAddresses.FILE_NAMES);
            var flags = O_RDWR | O_CREAT | O_CLOEXEC;
            return new LockFile(
                    path,
                    OwnedDescriptor.of(SystemCall.OPENAT.invoke(AT_FDCWD, name.address(), flags, 0600), "open", path));
        }
    }

    /**
     * Takes the lock if it is free, without waiting. Taking it again while holding it does nothing.
     *
     * @return whether this object now holds the lock; false if another one does
     * @throws LinuxException if the file system cannot lock
     * @throws IllegalStateException if it was closed
     */
    public boolean tryAcquire() throws LinuxException {
        var result = SystemCall.FLOCK.invoke(file.number(), LOCK_EX | LOCK_NB);
        if (result == -LinuxException.EAGAIN) {
            return false;
        }
        check(result, "flock", path);
        return true;
    }

    /**
     * Lets go of the lock, if held.
     *
     * @throws LinuxException if the kernel refuses
     * @throws IllegalStateException if it was closed
     */
    public void release() throws LinuxException {
        check(SystemCall.FLOCK.invoke(file.number(), LOCK_UN), "flock", path, "LOCK_UN");
    }

    /** Lets go of the lock and closes the file, once; later calls have no effect. */
    @Override
    public void close() {
        file.close();
    }
}

package dev.baton.linux;

/** A file descriptor of this process: one we own and must close, or one that is somebody else's to close. */
public sealed interface Descriptor permits OwnedDescriptor, BorrowedDescriptor {
    /**
     * {@return its number, valid for as long as its owner keeps it open}
     *
     * @throws IllegalStateException if it is ours and was closed or released
     */
    int number();

    /**
     * Another descriptor of the same open file: offset, status flags (O_NONBLOCK) and socket are shared, the new one is
     * close-on-exec and above 2 (fcntl(2), F_DUPFD_CLOEXEC).
     *
     * @return the duplicate, the caller's to close
     * @throws LinuxException {@link LinuxException#EMFILE} if no descriptor is left
     * @throws IllegalStateException if it is ours and was closed or released
     */
    default OwnedDescriptor duplicate() throws LinuxException {
        return OwnedDescriptor.duplicateOf(number());
    }
}

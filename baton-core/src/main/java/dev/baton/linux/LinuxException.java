package dev.baton.linux;

import java.io.IOException;
import java.net.SocketAddress;
import java.util.StringJoiner;

/**
 * A system call the kernel refused, say {@code bind(127.0.0.1:80): EACCES, permission denied}. The message is made for
 * operators; {@link #errno} is for code that acts on the reason.
 */
public final class LinuxException extends IOException {
    private static final long serialVersionUID = 1L;

    // Numbers from asm-generic/errno-base.h and asm-generic/errno.h, the same on every architecture we know.

    /** Not permitted. */
    public static final int EPERM = 1;
    /** No such process. */
    public static final int ESRCH = 3;

    /** No such file or directory. */
    public static final int ENOENT = 2;
    /** A signal came first. */
    public static final int EINTR = 4;
    /** Input or output failed. */
    public static final int EIO = 5;
    /** No such device or address. */
    public static final int ENXIO = 6;
    /** Not an open descriptor. */
    public static final int EBADF = 9;
    /** Not now; it would have to wait. */
    public static final int EAGAIN = 11;
    /** No memory. */
    public static final int ENOMEM = 12;
    /** Permission denied. */
    public static final int EACCES = 13;
    /** In use by another call. */
    public static final int EBUSY = 16;
    /** The file exists. */
    public static final int EEXIST = 17;
    /** Not a directory. */
    public static final int ENOTDIR = 20;
    /** Is a directory. */
    public static final int EISDIR = 21;
    /** Invalid argument. */
    public static final int EINVAL = 22;
    /** The whole system is out of file descriptions. */
    public static final int ENFILE = 23;
    /** This process is out of descriptors. */
    public static final int EMFILE = 24;
    /** No space left. */
    public static final int ENOSPC = 28;
    /** Read-only file system. */
    public static final int EROFS = 30;
    /** The peer no longer reads. */
    public static final int EPIPE = 32;
    /** File name too long. */
    public static final int ENAMETOOLONG = 36;
    /** The kernel has no such call, or a filter (seccomp) forbids it. */
    public static final int ENOSYS = 38;
    /** Too many symbolic links. */
    public static final int ELOOP = 40;
    /** Not a socket. */
    public static final int ENOTSOCK = 88;
    /** Message too long. */
    public static final int EMSGSIZE = 90;
    /** Wrong type of protocol. */
    public static final int EPROTOTYPE = 91;
    /** Not supported by this kind of socket. */
    public static final int EOPNOTSUPP = 95;
    /** Address family not supported. */
    public static final int EAFNOSUPPORT = 97;
    /** Address in use. */
    public static final int EADDRINUSE = 98;
    /** Not an address of this machine. */
    public static final int EADDRNOTAVAIL = 99;
    /** The connection was aborted. */
    public static final int ECONNABORTED = 103;
    /** The peer closed with data unread. */
    public static final int ECONNRESET = 104;
    /** No buffer space. */
    public static final int ENOBUFS = 105;
    /** Not connected. */
    public static final int ENOTCONN = 107;
    /** Too many descriptors under way in packets. */
    public static final int ETOOMANYREFS = 109;
    /** It took too long. */
    public static final int ETIMEDOUT = 110;
    /** Nobody listens there. */
    public static final int ECONNREFUSED = 111;

    private final String call;
    private final int errno;

    /**
     * A call that failed.
     *
     * @param call what was attempted and with what, {@code bind(127.0.0.1:80)}
     * @param errno what the kernel said, positive
     */
    public LinuxException(String call, int errno) {
        super(call + ": " + words(errno));
        this.call = call;
        this.errno = errno;
    }

    /** {@return what was attempted and with what} */
    public String call() {
        return call;
    }

    /** {@return what the kernel said, as in errno(3)} */
    public int errno() {
        return errno;
    }

    /** {@return the errno by name, {@code EACCES}; {@code errno 123} when this class has no name for it} */
    public String errnoName() {
        var words = words(errno);
        var comma = words.indexOf(',');
        return comma < 0 ? words : words.substring(0, comma);
    }

    /** Passes on the result of a call, or throws what the negated errno in it says; arguments are those worth telling. */
    static long check(long result, String name, Object... arguments) throws LinuxException {
        if (result < 0) {
            var call = new StringJoiner(", ", name + "(", ")");
            for (var argument : arguments) {
                call.add(argument instanceof SocketAddress a ? SocketAddresses.text(a) : argument.toString());
            }
            throw new LinuxException(call.toString(), (int) -result);
        }
        return result;
    }

    private static String words(int errno) {
        return switch (errno) {
            case EPERM -> "EPERM, operation not permitted";
            case ESRCH -> "ESRCH, no such process";
            case ENOENT -> "ENOENT, no such file or directory";
            case EINTR -> "EINTR, interrupted by a signal";
            case EIO -> "EIO, input or output failed";
            case ENXIO -> "ENXIO, no such device or address";
            case EBADF -> "EBADF, not an open descriptor";
            case EAGAIN -> "EAGAIN, not possible without waiting";
            case ENOMEM -> "ENOMEM, out of memory";
            case EACCES -> "EACCES, permission denied";
            case EBUSY -> "EBUSY, in use by another call";
            case EEXIST -> "EEXIST, file exists";
            case ENOTDIR -> "ENOTDIR, not a directory";
            case EISDIR -> "EISDIR, is a directory";
            case EINVAL -> "EINVAL, invalid argument";
            case ENFILE -> "ENFILE, the system has no file description left; see fs.file-max";
            case EMFILE -> "EMFILE, this process has no descriptor left; raise its limit (ulimit -n, LimitNOFILE=)";
            case ENOSPC -> "ENOSPC, no space left";
            case EROFS -> "EROFS, read-only file system";
            case EPIPE -> "EPIPE, the peer has gone";
            case ENAMETOOLONG -> "ENAMETOOLONG, file name too long";
            case ENOSYS -> "ENOSYS, the kernel has no such call, or a seccomp filter forbids it";
            case ELOOP -> "ELOOP, a symbolic link where none is followed, or too many of them";
            case ENOTSOCK -> "ENOTSOCK, not a socket";
            case EMSGSIZE -> "EMSGSIZE, message too long";
            case EPROTOTYPE -> "EPROTOTYPE, a socket of another type is there";
            case EOPNOTSUPP -> "EOPNOTSUPP, not supported by this kind of socket";
            case EAFNOSUPPORT -> "EAFNOSUPPORT, address family not supported by this system";
            case EADDRINUSE -> "EADDRINUSE, address in use";
            case EADDRNOTAVAIL -> "EADDRNOTAVAIL, not an address of this machine";
            case ECONNABORTED -> "ECONNABORTED, connection aborted";
            case ECONNRESET -> "ECONNRESET, connection reset by the peer";
            case ENOBUFS -> "ENOBUFS, no buffer space";
            case ENOTCONN -> "ENOTCONN, not connected";
            case ETOOMANYREFS -> "ETOOMANYREFS, too many descriptors under way in packets nobody has received";
            case ETIMEDOUT -> "ETIMEDOUT, timed out";
            case ECONNREFUSED -> "ECONNREFUSED, nobody listens there";
            default -> "errno " + errno;
        };
    }
}

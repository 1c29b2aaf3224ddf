package dev.baton.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.invoke.MethodHandle;

/** The system calls this room makes, with all that differs between architectures: their numbers. */
enum SystemCall {
    /*
     * Everything goes through one C function, syscall(2): long syscall(long number, ...). The first downcall handle costs a
     * JVM a tenth of a second and every further kind some milliseconds, so one that serves for all is worth more than a
     * prototype each. It also leaves no second opinion between us and the kernel: ppoll is the kernel's own, which writes
     * the remaining time back, so that a call a signal interrupted can be made again as it stands.
     *
     * What goes in are integers and addresses, all of them longs; the kernel takes what its prototype says. The layouts
     * of the structures and the flags we use are the same on both architectures (64 bit, little endian). The numbers:
     * asm/unistd_64.h for x86-64, asm-generic/unistd.h for aarch64.
     */
    ACCEPT4(288, 242),
    BIND(49, 200),
    CLOSE(3, 57),
    CONNECT(42, 203),
    DUP3(292, 24),
    EPOLL_CTL(233, 21),
    EVENTFD2(290, 19),
    FCHMOD(91, 52),
    FCNTL(72, 25),
    FLOCK(73, 32),
    GETEUID(107, 175),
    GETSOCKNAME(51, 204),
    GETSOCKOPT(55, 209),
    IOCTL(16, 29),
    LISTEN(50, 201),
    OPENAT(257, 56),
    PIDFD_OPEN(434, 434),
    PIPE2(293, 59),
    PPOLL(271, 73),
    READ(0, 63),
    RECVMSG(47, 212),
    SENDMSG(46, 211),
    SETSOCKOPT(54, 208),
    SHUTDOWN(48, 210),
    SOCKET(41, 198),
    SOCKETPAIR(53, 199),
    TGKILL(234, 131),
    WAIT4(61, 260),
    WRITE(1, 64);

    private final int onX86;
    private final int onArm;

    SystemCall(int onX86, int onArm) {
        this.onX86 = onX86;
        this.onArm = onArm;
    }

    /**
     * Makes the call. A call that a signal interrupted is made again, but for close(2), which has let go of the
     * descriptor by then; the number may be another's already.
     *
     * @param arguments up to five integers or addresses; the caller keeps the memory behind them alive
     * @return the result, or the errno, negated
     */
    long invoke(long... arguments) {
        long result;
        do {
            result = once(arguments);
        } while (result == -LinuxException.EINTR && this != CLOSE);
        return result;
    }

    private long once(long... arguments) {
        var number = number(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
        var a = new long[5];
        System.arraycopy(arguments, 0, a, 0, arguments.length);
        try (var arena = Arena.ofConfined()) {
            var errno = arena.allocate(JAVA_INT);
            var result = (long) Libc.SYSCALL.invokeExact(errno, (long) number, a[0], a[1], a[2], a[3], a[4]);
            return result == -1 ? -errno.get(JAVA_INT, 0) : result;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a downcall declares no exceptions", e);
        }
    }

    /**
     * {@return the number of this call}
     *
     * @throws UnsupportedOperationException on a system or architecture this room does not know
     */
    int number(String system, String architecture) {
        if (!system.equals("Linux")) {
            throw new UnsupportedOperationException("Baton needs Linux; this is " + system);
        }
        return switch (architecture) {
            case "amd64", "x86_64" -> onX86;
            case "aarch64" -> onArm;
            default ->
                throw new UnsupportedOperationException(
                        "Baton knows Linux on x86-64 and aarch64; this JVM runs on " + architecture);
        };
    }

    /** Made with the first call, not before. */
    private static final class Libc {
        private static final MethodHandle SYSCALL = syscall();

        @SuppressWarnings("restricted")
        private static MethodHandle syscall() {
            var lender = NativeAccess.lender();
            if (lender != null) {
                return lender.get();
            }
            var linker = Linker.nativeLinker();
            var number = new MemoryLayout[] {JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG};
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("syscall"),
                    FunctionDescriptor.of(JAVA_LONG, number),
                    Linker.Option.firstVariadicArg(1),
                    Linker.Option.captureCallState("errno"));
        }
    }
}

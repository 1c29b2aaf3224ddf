package dev.baton.linux;

/** Other processes. */
public final class Processes {
    private static final int WNOHANG = 1;

    private Processes() {}

    /**
     * A descriptor of a process, readable once the process has ended (pidfd_open(2), Linux 5.3). Unlike its number it can
     * never come to mean another process.
     *
     * @param pid the process, a child or not
     * @return the descriptor, close-on-exec
     * @throws LinuxException if there is no such process ({@code ESRCH}), or no descriptor is left
     */
    public static OwnedDescriptor descriptor(long pid) throws LinuxException {
        var result = SystemCall.PIDFD_OPEN.invoke(pid, 0);
        if (result < 0) {
            throw new LinuxException("pidfd_open(" + pid + ")", (int) -result);
        }
        return OwnedDescriptor.of((int) result);
    }

    /**
     * Sends a signal to one thread of this process (tgkill(2)).
     *
     * @param thread the thread's id, as in /proc/self/task
     * @param signal the signal's number
     * @return false if there is no such thread any more
     * @throws LinuxException if the kernel refuses
     */
    public static boolean signal(long thread, int signal) throws LinuxException {
        var result = SystemCall.TGKILL.invoke(ProcessHandle.current().pid(), thread, signal);
        if (result == -LinuxException.ESRCH) {
            return false;
        }
        LinuxException.check(result, "tgkill", thread, signal);
        return true;
    }

    /**
     * Takes note of the end of a child process, so that the kernel can forget it (wait4(2)). Only for children that the JDK
     * has not started: it takes note of those itself, and would wait in vain.
     *
     * @param pid a child of this process
     * @return whether it had ended
     * @throws LinuxException if it is no child of this process
     */
    public static boolean reap(long pid) throws LinuxException {
        return LinuxException.check(SystemCall.WAIT4.invoke(pid, 0, WNOHANG, 0), "wait4", pid) == pid;
    }
}

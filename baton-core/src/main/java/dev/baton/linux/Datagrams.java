package dev.baton.linux;

import static dev.baton.linux.LinuxException.check;
import static dev.baton.linux.SocketAddresses.AF_UNIX;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Single packets to a Unix datagram socket (unix(7), SOCK_DGRAM), for which the JDK has no channel. */
public final class Datagrams {
    private static final int SOCK_DGRAM = 2;
    private static final int MOST_NAME_BYTES = 108;

    private Datagrams() {}

    /**
     * Sends one packet. Does not wait.
     *
     * @param name the receiver's path, or its abstract name with an {@code @} in place of the NUL, as sd_notify(3) has it
     * @param packet what to send
     * @throws LinuxException if there is no such receiver ({@link LinuxException#ENOENT},
     *     {@link LinuxException#ECONNREFUSED}), if its queue is full ({@link LinuxException#EAGAIN}), or another refusal
     */
    public static void send(String name, byte[] packet) throws LinuxException {
        var bytes = name.getBytes(SocketAddresses.FILE_NAMES);
        if (bytes.length > MOST_NAME_BYTES) {
            throw new LinuxException("a socket at " + name, LinuxException.ENAMETOOLONG);
        }
        try (var arena = Arena.ofConfined();
                var socket = Listeners.socket(AF_UNIX, SOCK_DGRAM)) {
            // An abstract name is as long as it is said to be, and what looks like its end would be part of it.
            var isAbstract = name.startsWith("@");
            var sockaddr = arena.allocate(2 + bytes.length + (isAbstract || bytes.length == MOST_NAME_BYTES ? 0 : 1));
            sockaddr.set(JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(bytes, 0, sockaddr, JAVA_BYTE, 2, bytes.length);
            if (isAbstract) {
                sockaddr.set(JAVA_BYTE, 2, (byte) 0);
            }
            check(SystemCall.CONNECT.invoke(socket.number(), sockaddr.address(), sockaddr.byteSize()), "connect", name);
            var data = arena.allocateFrom(JAVA_BYTE, packet);
            check(SystemCall.WRITE.invoke(socket.number(), data.address(), packet.length), "write", name);
        }
    }
}

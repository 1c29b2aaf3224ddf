package java.lang;

import static java.lang.BatonTransports.sockets;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import sun.nio.ch.BatonConversation;
import sun.nio.ch.BatonTraffic;
import sun.nio.ch.DirectBuffer;

/**
 * What Netty's epoll transport calls in the place of the native methods that touch a connection's descriptor, once the agent
 * has redirected them: as {@link BatonTraffic} for the JDK's sockets, and with the same table, since numbers of descriptors
 * are the process'.
 */
public final class BatonTransportTraffic {
    private static final int CTL_ADD = 1;
    private static final int CTL_DEL = 2;
    private static final int CTL_MOD = 3;
    private static final int PORT_BYTES = 4;
    private static final int IPV4_BYTES = 4;
    private static final int IPV6_BYTES = 16;

    private static BatonTransportNatives.Files files;
    private static BatonTransportNatives.Polls polls;

    private BatonTransportTraffic() {}

    /** Names what does the work, before anything is redirected here. As {@link BatonTransports#install}. */
    public static void install(BatonTransportNatives.Files files, BatonTransportNatives.Polls polls) {
        BatonTransportTraffic.files = files;
        BatonTransportTraffic.polls = polls;
    }

    // ---- in the place of those of io.netty.channel.unix.Socket

    /**
     * Accepts.
     *
     * @param address is filled with the length of what follows, and that: the address, for IPv6 its scope, and the port, the
     *     last two in four bytes each. What tells an address otherwise has the same without the length.
     */
    public static int accept(int listener, byte[] address) throws UnknownHostException {
        int number = sockets.accept(listener, address);
        if (number >= 0
                && BatonTraffic.isWatched(listener)
                && BatonTraffic.accepted(number, listener, BatonTraffic.areExpected() ? address(address) : null)) {
            var client = sockets.remoteAddress(number);
            if (client != null) { // else the client has reset it on the way, which the application learns when it reads
                address[0] = (byte) client.length;
                System.arraycopy(client, 0, address, 1, client.length);
            }
        }
        return number;
    }

    private static InetSocketAddress address(byte[] told) throws UnknownHostException {
        int length = told[0];
        int port = 1 + length - PORT_BYTES;
        int bytes = length == IPV4_BYTES + PORT_BYTES ? IPV4_BYTES : IPV6_BYTES;
        return new InetSocketAddress(
                InetAddress.getByAddress(Arrays.copyOfRange(told, 1, 1 + bytes)),
                (told[port + 2] & 0xFF) << 8 | told[port + 3] & 0xFF);
    }

    public static int shutdown(int number, boolean read, boolean write) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return sockets.shutdown(number, read, write);
        }
        conversation.enter();
        try {
            return sockets.shutdown(number, read, write);
        } finally {
            conversation.exit();
        }
    }

    public static int recv(int number, ByteBuffer buffer, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return sockets.recv(number, buffer, position, limit);
        }
        conversation.enterToRead();
        try {
            return received(conversation, buffer, position, sockets.recv(number, buffer, position, limit));
        } finally {
            conversation.exit();
        }
    }

    public static int recvAddress(int number, long address, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return sockets.recvAddress(number, address, position, limit);
        }
        conversation.enterToRead();
        try {
            return received(conversation, address + position, sockets.recvAddress(number, address, position, limit));
        } finally {
            conversation.exit();
        }
    }

    public static int send(int number, ByteBuffer buffer, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return sockets.send(number, buffer, position, limit);
        }
        conversation.enter();
        try {
            return sent(conversation, buffer, position, sockets.send(number, buffer, position, limit));
        } finally {
            conversation.exit();
        }
    }

    public static int sendAddress(int number, long address, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return sockets.sendAddress(number, address, position, limit);
        }
        conversation.enter();
        try {
            return sent(conversation, address + position, sockets.sendAddress(number, address, position, limit));
        } finally {
            conversation.exit();
        }
    }

    // ---- in the place of those of io.netty.channel.unix.FileDescriptor

    public static int read(int number, ByteBuffer buffer, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return files.read(number, buffer, position, limit);
        }
        conversation.enterToRead();
        try {
            return received(conversation, buffer, position, files.read(number, buffer, position, limit));
        } finally {
            conversation.exit();
        }
    }

    public static int readAddress(int number, long address, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return files.readAddress(number, address, position, limit);
        }
        conversation.enterToRead();
        try {
            return received(conversation, address + position, files.readAddress(number, address, position, limit));
        } finally {
            conversation.exit();
        }
    }

    public static int write(int number, ByteBuffer buffer, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return files.write(number, buffer, position, limit);
        }
        conversation.enter();
        try {
            return sent(conversation, buffer, position, files.write(number, buffer, position, limit));
        } finally {
            conversation.exit();
        }
    }

    public static int writeAddress(int number, long address, int position, int limit) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return files.writeAddress(number, address, position, limit);
        }
        conversation.enter();
        try {
            return sent(conversation, address + position, files.writeAddress(number, address, position, limit));
        } finally {
            conversation.exit();
        }
    }

    /** Of each buffer what is between its position and its limit; the call moves neither. */
    public static long writev(int number, ByteBuffer[] buffers, int offset, int length, long most) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return files.writev(number, buffers, offset, length, most);
        }
        conversation.enter();
        try {
            long n = files.writev(number, buffers, offset, length, most);
            int at = offset;
            for (long left = n; left > 0; at++) {
                int part = (int) Math.min(left, buffers[at].remaining());
                var _ = sent(conversation, buffers[at], buffers[at].position(), part);
                left -= part;
            }
            return n;
        } finally {
            conversation.exit();
        }
    }

    public static long writevAddresses(int number, long vector, int length) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return files.writevAddresses(number, vector, length);
        }
        conversation.enter();
        try {
            long n = files.writevAddresses(number, vector, length);
            if (n > 0) {
                conversation.sentFrom(vector, n);
            }
            return n;
        } finally {
            conversation.exit();
        }
    }

    public static int close(int number) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            BatonTraffic.unwatch(number);
            return files.close(number);
        }
        conversation.enter();
        try {
            BatonTraffic.forget(number);
            return files.close(number);
        } finally {
            conversation.exit();
        }
    }

    // ---- in the place of those of io.netty.channel.epoll.Native

    public static int epollCtlAdd0(int instance, int number, int events) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return polls.add(instance, number, events);
        }
        conversation.enter();
        try {
            return controlled(conversation, instance, CTL_ADD, events, polls.add(instance, number, events));
        } finally {
            conversation.exit();
        }
    }

    public static int epollCtlMod0(int instance, int number, int events) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return polls.modify(instance, number, events);
        }
        conversation.enter();
        try {
            return controlled(conversation, instance, CTL_MOD, events, polls.modify(instance, number, events));
        } finally {
            conversation.exit();
        }
    }

    public static int epollCtlDel0(int instance, int number) {
        var conversation = BatonTraffic.at(number);
        if (conversation == null) {
            return polls.delete(instance, number);
        }
        conversation.enter();
        try {
            return controlled(conversation, instance, CTL_DEL, 0, polls.delete(instance, number));
        } finally {
            conversation.exit();
        }
    }

    // ---- what was done

    private static int received(BatonConversation conversation, ByteBuffer buffer, int position, int n) {
        return n > 0 ? received(conversation, ((DirectBuffer) buffer).address() + position, n) : n;
    }

    private static int received(BatonConversation conversation, long address, int n) {
        if (n > 0) {
            conversation.received(address, n);
        }
        return n;
    }

    private static int sent(BatonConversation conversation, ByteBuffer buffer, int position, int n) {
        return n > 0 ? sent(conversation, ((DirectBuffer) buffer).address() + position, n) : n;
    }

    private static int sent(BatonConversation conversation, long address, int n) {
        if (n > 0) {
            conversation.sent(address, n);
        }
        return n;
    }

    private static int controlled(BatonConversation conversation, int instance, int operation, int events, int error) {
        if (error == 0) {
            conversation.controlled(instance, operation, events);
        }
        return error;
    }
}

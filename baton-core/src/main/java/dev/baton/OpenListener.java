package dev.baton;

import dev.baton.control.Message;
import dev.baton.jdk.ServerSocketChannels;
import dev.baton.linux.Descriptor;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** A listener and the descriptor that keeps it open. */
record OpenListener(String name, SocketAddress address, boolean isInherited, OwnedDescriptor descriptor)
        implements Listener {

    @Override
    public int duplicate() throws IOException {
        try {
            return descriptor.duplicate().release();
        } catch (LinuxException e) {
            throw new IOException("cannot duplicate the descriptor of " + this + ": " + e.getMessage(), e);
        }
    }

    @Override
    public ServerSocketChannel channel() throws IOException {
        return ServerSocketChannels.adopt(duplicate());
    }

    Descriptor borrowed() {
        return descriptor;
    }

    /** What a successor that asks for it is told. */
    Message.Listener message() {
        return new Message.Listener(name, text(address), descriptor.number(), filename());
    }

    private String filename() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor.number()))
                    .toString();
        } catch (IOException e) {
            return "socket:[?]";
        }
    }

    /** An address as operators write it. */
    static String text(SocketAddress address) {
        return switch (address) {
            case InetSocketAddress inet
            when inet.getAddress() != null -> {
                var host = inet.getAddress().getHostAddress();
                yield (host.contains(":") ? "[" + host.toLowerCase(Locale.ROOT) + "]" : host) + ":" + inet.getPort();
            }
            case UnixDomainSocketAddress unix -> unix.getPath().toString();
            default -> address.toString();
        };
    }

    /**
     * Whether a listener is what was asked for: the same path, or the same port (any port satisfies port 0) and the same
     * host, where both wildcards are one: a dual-stack socket reports {@code [::]} for what was asked as {@code 0.0.0.0}.
     */
    static boolean satisfies(SocketAddress has, SocketAddress wanted) {
        if (has instanceof InetSocketAddress h && wanted instanceof InetSocketAddress w) {
            return (w.getPort() == 0 || w.getPort() == h.getPort())
                    && (h.getAddress().equals(w.getAddress())
                            || (h.getAddress().isAnyLocalAddress()
                                    && w.getAddress().isAnyLocalAddress()));
        }
        return has.equals(wanted);
    }

    @Override
    public String toString() {
        return name + " (" + text(address) + ")";
    }
}

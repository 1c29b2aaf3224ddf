package dev.baton.agent;

import dev.baton.control.Message;
import dev.baton.handover.Offers;
import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Descriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.Epoll;
import dev.baton.linux.Listeners;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A listener of an application that knows nothing of Baton, known by the number of the application's descriptor.
 *
 * <p>While it is fenced the number stands for a private listener, on the loopback interface or without a path. The application runs on as
 * before, waits there, and takes nothing more from the real one, which is kept here. Safe for use by any thread.
 *
 * <p>An application may close its descriptor at any time, and the number may then be a file's. What a number stands for is
 * told by the kernel's name for it, {@code socket:[inode]}, before anything is done to it.
 */
final class Listening {
    /*
     * Swapping what a number stands for.
     *
     * An epoll registration belongs to the socket that the number stood for when it was made, not to the number (epoll(7),
     * "Questions and answers", 6), so each is removed, and made anew with the same events and data after the swap. A thread
     * of the application may register the number between the two; its registration belongs to the socket that is on its way
     * out, and can only be removed under the number it was made with. So the swap is looked over, and undone and done again
     * when that happened. Threads that wait in accept or poll have to be woken, see Waiters.
     *
     * O_NONBLOCK belongs to the socket and is shared with other generations. The private listener gets what the
     * application chose for its own. On the way back it is set on the real one if the application has chosen so meanwhile,
     * and never cleared: an accept of the JDK that finds it set where it expected to wait polls and calls again
     * (ServerSocketChannelImpl.accept, NioSocketImpl.accept).
     */
    private static final int ATTEMPTS = 10;
    private static final int PRIVATE_BACKLOG = 128;

    private final String name;
    private final SocketAddress address;
    private final int number;
    private final String socket;
    private @Nullable OwnedDescriptor real;
    private @Nullable OwnedDescriptor substitute;

    private Listening(String name, SocketAddress address, int number, String socket) {
        this.name = name;
        this.address = address;
        this.number = number;
        this.socket = socket;
    }

    /**
     * A listener the application has opened.
     *
     * @param name its name
     * @param number the application's descriptor
     * @throws IOException if the number stands for nothing that has an address
     */
    static Listening opened(String name, int number) throws IOException {
        var socket = Descriptors.name(number);
        var address = Listeners.localAddress(new BorrowedDescriptor(number));
        return new Listening(name, address, number, socket);
    }

    /**
     * Puts an inherited listener in the place of a socket that the application was about to bind. It is not fenced yet, so
     * that the application can ask for its address; it must be before the application goes on.
     *
     * @param name its name
     * @param number the application's descriptor
     * @param inherited the listener; owned by the result
     * @return the listener, to be {@link #fence fenced}
     * @throws IOException if that fails; the descriptor is then closed, and the application's as it was
     */
    static Adopted adopt(String name, int number, OwnedDescriptor inherited) throws IOException {
        try {
            var isNonBlocking = Descriptors.isNonBlocking(new BorrowedDescriptor(number));
            var address = Listeners.localAddress(inherited);
            try (var own = new BorrowedDescriptor(number).duplicate()) {
                swap(number, own, inherited);
            }
            var listening = new Listening(name, address, number, Descriptors.name(number));
            listening.real = inherited;
            return new Adopted(listening, isNonBlocking);
        } catch (IOException | RuntimeException e) {
            inherited.close();
            throw e;
        }
    }

    /**
     * A listener between bind and listen.
     *
     * @param listening the listener
     * @param isNonBlocking whether the application had chosen so for its own socket
     */
    record Adopted(Listening listening, boolean isNonBlocking) {}

    /**
     * What an address is called, the same in each generation: both wildcards are one, and so are an IPv4 address and the
     * IPv6 address that is mapped to it.
     */
    static String name(SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet)) {
            return "unix:" + ((UnixDomainSocketAddress) address).getPath().toAbsolutePath();
        }
        return "tcp:" + (inet.getAddress().isAnyLocalAddress() ? "*:" + inet.getPort() : text(inet));
    }

    private static String text(SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet)) {
            return ((UnixDomainSocketAddress) address).getPath().toString();
        }
        var host = inet.getAddress().getHostAddress();
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + inet.getPort();
    }

    String name() {
        return name;
    }

    /** {@return where this process can be reached by way of it, fenced or not; null for a Unix-domain listener} */
    synchronized @Nullable InetSocketAddress reachable() throws IOException {
        if (!(address instanceof InetSocketAddress inet)) {
            return null;
        }
        if (substitute != null) {
            return (InetSocketAddress) Listeners.localAddress(substitute);
        }
        return inet.getAddress().isAnyLocalAddress()
                ? new InetSocketAddress(InetAddress.getLoopbackAddress(), inet.getPort())
                : inet;
    }

    int number() {
        return number;
    }

    /** {@return the path of a Unix-domain listener; null for others} */
    @Nullable
    Path file() {
        return address instanceof UnixDomainSocketAddress unix ? unix.getPath().toAbsolutePath() : null;
    }

    /** {@return the address it is bound to} */
    SocketAddress address() {
        return address;
    }

    /** {@return whether the application still has it} */
    synchronized boolean isOpen() {
        return Descriptors.name(number).equals(substitute == null ? socket : Descriptors.name(substitute.number()));
    }

    /** {@return whether it stands for a private listener} */
    synchronized boolean isFenced() {
        return substitute != null && isOpen();
    }

    /** {@return whether this is its number, and it stands for a private listener} */
    synchronized boolean isFenced(int which) {
        return which == number && isFenced();
    }

    /** {@return whether the application waits for connections: an event loop or a thread} */
    synchronized boolean isArmed() throws IOException {
        return Epoll.registrations(number).stream().anyMatch(Epoll.Registration::isForReading) || Waiters.areAt(number);
    }

    /** {@return what a successor is given; the descriptor is valid for as long as this is not resumed or closed} */
    synchronized Offers.OfferedListener offered() {
        Descriptor shared = real == null ? new BorrowedDescriptor(number) : real;
        return new Offers.OfferedListener(new Message.Listener(name, text(address), shared.number(), socket), shared);
    }

    /**
     * Fences an adopted listener from its first moment. The backlog, which generations share, is never made smaller.
     *
     * @param backlog what the application wants
     * @throws IOException if it cannot; the application must not go on
     */
    synchronized void fence(boolean isNonBlocking, int backlog) throws IOException {
        var kept = java.util.Objects.requireNonNull(real);
        // The kernel does not tell the backlog of a Unix-domain listener; it stays as it is.
        if (address instanceof InetSocketAddress && backlog > Tcp.backlog(kept)) {
            Listeners.listen(kept, backlog);
        }
        replaceBySubstitute(kept, isNonBlocking);
    }

    /**
     * Fences it. When this returns, this process takes not one more connection from it. Does nothing when it is fenced.
     *
     * @throws IOException if it cannot; the application then accepts as before
     */
    synchronized void pause() throws IOException {
        if (substitute != null || !isOpen()) {
            return;
        }
        var kept = new BorrowedDescriptor(number).duplicate();
        try {
            replaceBySubstitute(kept, Descriptors.isNonBlocking(kept));
            real = kept;
        } catch (IOException | RuntimeException e) {
            kept.close();
            throw e;
        }
    }

    private void replaceBySubstitute(OwnedDescriptor kept, boolean isNonBlocking) throws IOException {
        var dummy = substitute();
        try {
            if (!isNonBlocking) {
                Descriptors.makeBlocking(dummy);
            }
            swap(number, kept, dummy);
            try {
                Waiters.move(number);
            } catch (IOException e) {
                swap(number, dummy, kept);
                Waiters.move(number);
                throw e;
            }
            substitute = dummy;
        } catch (IOException | RuntimeException e) {
            dummy.close();
            throw e;
        }
    }

    /** A listener of which nobody knows; one in the place of a Unix-domain listener cannot be found, as its path is gone. */
    private OwnedDescriptor substitute() throws IOException {
        if (address instanceof InetSocketAddress) {
            return Listeners.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), PRIVATE_BACKLOG);
        }
        var directory = Files.createTempDirectory("baton");
        var path = directory.resolve("s");
        try {
            return Listeners.bind(UnixDomainSocketAddress.of(path), PRIVATE_BACKLOG);
        } finally {
            Files.deleteIfExists(path);
            Files.delete(directory);
        }
    }

    /**
     * Takes the fence away. Does nothing when there is none.
     *
     * @throws IOException if it cannot; it is then fenced as before
     */
    synchronized void resume() throws IOException {
        var dummy = substitute;
        var kept = real;
        if (dummy == null || kept == null) {
            return;
        }
        if (isOpen()) {
            if (Descriptors.isNonBlocking(dummy)) {
                Descriptors.makeNonBlocking(kept);
            }
            swap(number, dummy, kept);
            Waiters.move(number);
        }
        substitute = null;
        real = null;
        dummy.close();
        kept.close();
    }

    /** Lets go of what is kept here. */
    synchronized void close() {
        if (substitute != null) {
            substitute.close();
        }
        if (real != null) {
            real.close();
        }
    }

    /** Lets go of the real listener while it is fenced; for a process that ends. */
    synchronized void letGo() {
        if (real != null) {
            real.close();
        }
    }

    private static void swap(int number, Descriptor from, Descriptor to) throws IOException {
        Predicate<Epoll.Registration> isFormer = isOf(from);
        for (int i = 0; i < ATTEMPTS; i++) {
            carry(number, isFormer, to);
            if (Epoll.registrations(number).stream().noneMatch(isFormer)) {
                return;
            }
            carry(number, isOf(to), from);
        }
        throw new IOException("the application registers descriptor " + number
                + " with epoll so often that it could not be swapped; it is as it was");
    }

    private static void carry(int number, Predicate<Epoll.Registration> which, Descriptor to) throws IOException {
        List<Epoll.Registration> removed = new java.util.ArrayList<>();
        for (var registration : Epoll.registrations(number)) {
            if (which.test(registration) && registration.remove()) {
                removed.add(registration);
            }
        }
        try {
            Descriptors.duplicateOnto(to, number);
        } finally {
            for (var registration : removed) {
                var _ = registration.add();
            }
        }
    }

    private static Predicate<Epoll.Registration> isOf(Descriptor descriptor) {
        var name = Descriptors.name(descriptor.number());
        var inode = Long.parseLong(name.substring(name.indexOf('[') + 1, name.length() - 1));
        return registration -> registration.inode() == inode;
    }

    /** {@return {@code tcp:*:8080}} */
    @Override
    public String toString() {
        return name;
    }
}

package java.lang;

import java.nio.ByteBuffer;

/**
 * The private native methods of Netty's native transports, as {@link BatonTransports} and {@link BatonTransportTraffic} call
 * them. All of them return a negated error instead of throwing.
 *
 * <p>The calls of the three classes that implement those inside are written to the placeholders here. Before they are
 * defined, as nestmates of the classes that own the methods and in their package, those calls are redirected to the methods
 * themselves.
 */
public final class BatonTransportNatives {
    // Of java.lang.invoke.MethodHandleNatives.Constants
    private static final int NESTMATE_CLASS = 1;
    private static final int HIDDEN_CLASS = 2;

    private BatonTransportNatives() {}

    /**
     * Makes what calls the methods of a class. A lookup would define it where the module of the class is open to us, which a
     * named one need not be.
     *
     * @param owner the class that owns the methods
     * @param name that of the nestmate, in internal form and in the same package
     * @param classFile the nestmate, redirected
     * @return an instance of it
     */
    public static Object nestmate(Class<?> owner, String name, byte[] classFile) throws ReflectiveOperationException {
        var constructor = ClassLoader.defineClass0(
                        owner.getClassLoader(),
                        owner,
                        name,
                        classFile,
                        0,
                        classFile.length,
                        owner.getProtectionDomain(),
                        true,
                        NESTMATE_CLASS | HIDDEN_CLASS,
                        null)
                .getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    private static AssertionError placeholder() {
        return new AssertionError("a placeholder");
    }

    static int bind(int number, boolean ipv6, byte[] address, int scope, int port) {
        throw placeholder();
    }

    static int bindDomainSocket(int number, byte[] path) {
        throw placeholder();
    }

    static int listen(int number, int backlog) {
        throw placeholder();
    }

    static byte[] localAddress(int number) {
        throw placeholder();
    }

    static byte[] localDomainSocketAddress(int number) {
        throw placeholder();
    }

    static byte[] remoteAddress(int number) {
        throw placeholder();
    }

    static int accept(int number, byte[] address) {
        throw placeholder();
    }

    static int shutdown(int number, boolean read, boolean write) {
        throw placeholder();
    }

    static int recv(int number, ByteBuffer buffer, int position, int limit) {
        throw placeholder();
    }

    static int recvAddress(int number, long address, int position, int limit) {
        throw placeholder();
    }

    static int send(int number, ByteBuffer buffer, int position, int limit) {
        throw placeholder();
    }

    static int sendAddress(int number, long address, int position, int limit) {
        throw placeholder();
    }

    static int read(int number, ByteBuffer buffer, int position, int limit) {
        throw placeholder();
    }

    static int readAddress(int number, long address, int position, int limit) {
        throw placeholder();
    }

    static int write(int number, ByteBuffer buffer, int position, int limit) {
        throw placeholder();
    }

    static int writeAddress(int number, long address, int position, int limit) {
        throw placeholder();
    }

    static long writev(int number, ByteBuffer[] buffers, int offset, int length, long most) {
        throw placeholder();
    }

    static long writevAddresses(int number, long vector, int length) {
        throw placeholder();
    }

    static int close(int number) {
        throw placeholder();
    }

    static int epollCtlAdd0(int instance, int number, int events) {
        throw placeholder();
    }

    static int epollCtlMod0(int instance, int number, int events) {
        throw placeholder();
    }

    static int epollCtlDel0(int instance, int number) {
        throw placeholder();
    }

    /** Those of {@code io.netty.channel.unix.Socket}. */
    public abstract static class Sockets {
        protected Sockets() {}

        public abstract int bind(int number, boolean ipv6, byte[] address, int scope, int port);

        public abstract int bindDomainSocket(int number, byte[] path);

        public abstract int listen(int number, int backlog);

        public abstract byte[] localAddress(int number);

        public abstract byte[] localDomainSocketAddress(int number);

        public abstract byte[] remoteAddress(int number);

        public abstract int accept(int number, byte[] address);

        public abstract int shutdown(int number, boolean read, boolean write);

        public abstract int recv(int number, ByteBuffer buffer, int position, int limit);

        public abstract int recvAddress(int number, long address, int position, int limit);

        public abstract int send(int number, ByteBuffer buffer, int position, int limit);

        public abstract int sendAddress(int number, long address, int position, int limit);
    }

    /** Those of {@code io.netty.channel.unix.FileDescriptor}. */
    public abstract static class Files {
        protected Files() {}

        public abstract int read(int number, ByteBuffer buffer, int position, int limit);

        public abstract int readAddress(int number, long address, int position, int limit);

        public abstract int write(int number, ByteBuffer buffer, int position, int limit);

        public abstract int writeAddress(int number, long address, int position, int limit);

        public abstract long writev(int number, ByteBuffer[] buffers, int offset, int length, long most);

        public abstract long writevAddresses(int number, long vector, int length);

        public abstract int close(int number);
    }

    /** Those of {@code io.netty.channel.epoll.Native}. */
    public abstract static class Polls {
        protected Polls() {}

        public abstract int add(int instance, int number, int events);

        public abstract int modify(int instance, int number, int events);

        public abstract int delete(int instance, int number);
    }
}

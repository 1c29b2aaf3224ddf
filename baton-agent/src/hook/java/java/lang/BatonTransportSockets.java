package java.lang;

import java.nio.ByteBuffer;

/** See {@link BatonTransportNatives}. */
public final class BatonTransportSockets extends BatonTransportNatives.Sockets {
    public BatonTransportSockets() {}

    @Override
    public int bind(int number, boolean ipv6, byte[] address, int scope, int port) {
        return BatonTransportNatives.bind(number, ipv6, address, scope, port);
    }

    @Override
    public int bindDomainSocket(int number, byte[] path) {
        return BatonTransportNatives.bindDomainSocket(number, path);
    }

    @Override
    public int listen(int number, int backlog) {
        return BatonTransportNatives.listen(number, backlog);
    }

    @Override
    public byte[] localAddress(int number) {
        return BatonTransportNatives.localAddress(number);
    }

    @Override
    public byte[] localDomainSocketAddress(int number) {
        return BatonTransportNatives.localDomainSocketAddress(number);
    }

    @Override
    public byte[] remoteAddress(int number) {
        return BatonTransportNatives.remoteAddress(number);
    }

    @Override
    public int accept(int number, byte[] address) {
        return BatonTransportNatives.accept(number, address);
    }

    @Override
    public int shutdown(int number, boolean read, boolean write) {
        return BatonTransportNatives.shutdown(number, read, write);
    }

    @Override
    public int recv(int number, ByteBuffer buffer, int position, int limit) {
        return BatonTransportNatives.recv(number, buffer, position, limit);
    }

    @Override
    public int recvAddress(int number, long address, int position, int limit) {
        return BatonTransportNatives.recvAddress(number, address, position, limit);
    }

    @Override
    public int send(int number, ByteBuffer buffer, int position, int limit) {
        return BatonTransportNatives.send(number, buffer, position, limit);
    }

    @Override
    public int sendAddress(int number, long address, int position, int limit) {
        return BatonTransportNatives.sendAddress(number, address, position, limit);
    }
}

package java.lang;

import java.nio.ByteBuffer;

/** See {@link BatonTransportNatives}. */
public final class BatonTransportFiles extends BatonTransportNatives.Files {
    public BatonTransportFiles() {}

    @Override
    public int read(int number, ByteBuffer buffer, int position, int limit) {
        return BatonTransportNatives.read(number, buffer, position, limit);
    }

    @Override
    public int readAddress(int number, long address, int position, int limit) {
        return BatonTransportNatives.readAddress(number, address, position, limit);
    }

    @Override
    public int write(int number, ByteBuffer buffer, int position, int limit) {
        return BatonTransportNatives.write(number, buffer, position, limit);
    }

    @Override
    public int writeAddress(int number, long address, int position, int limit) {
        return BatonTransportNatives.writeAddress(number, address, position, limit);
    }

    @Override
    public long writev(int number, ByteBuffer[] buffers, int offset, int length, long most) {
        return BatonTransportNatives.writev(number, buffers, offset, length, most);
    }

    @Override
    public long writevAddresses(int number, long vector, int length) {
        return BatonTransportNatives.writevAddresses(number, vector, length);
    }

    @Override
    public int close(int number) {
        return BatonTransportNatives.close(number);
    }
}

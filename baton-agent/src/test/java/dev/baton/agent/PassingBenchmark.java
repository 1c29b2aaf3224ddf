package dev.baton.agent;

import dev.baton.linux.Descriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.LinuxException;
import dev.baton.linux.OwnedDescriptor;
import dev.baton.linux.PacketSocket;
import java.util.Collections;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Descriptors over a control socket: sent, received and closed. {@code passing.c} does the same without a JVM. */
@State(Scope.Thread)
@SuppressWarnings("NullAway.Init")
public class PassingBenchmark {
    private static final int LIMIT_BYTES = 1024;

    @Param({"1", "16", "200"})
    private int batch;

    private final byte[] packet = new byte[64];
    private List<PacketSocket> ends;
    private List<OwnedDescriptor> pipe;
    private List<Descriptor> descriptors;

    @Setup
    public void open() throws LinuxException {
        ends = PacketSocket.pair();
        pipe = Descriptors.pipe();
        descriptors = Collections.nCopies(batch, pipe.getFirst());
    }

    @Benchmark
    public int pass() throws LinuxException {
        ends.getFirst().send(packet, descriptors);
        var received = (PacketSocket.Received.Packet) ends.getLast().receive(LIMIT_BYTES);
        received.descriptors().forEach(OwnedDescriptor::close);
        return received.descriptors().size();
    }

    @TearDown
    public void close() {
        ends.forEach(PacketSocket::close);
        pipe.forEach(OwnedDescriptor::close);
    }
}

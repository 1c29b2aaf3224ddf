package dev.baton.agent;

import dev.baton.control.Frame;
import dev.baton.control.Message;
import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The codec of the control protocol. */
@State(Scope.Thread)
public class FrameBenchmark {
    private static final Map<String, Message> MESSAGES = Map.of(
            "ready", new Message.Ready(),
            "listener", new Message.Listener("http", "[::]:8000", 42, "socket:[991]"),
            "200 connections",
                    new Message.Connections(
                            Collections.nCopies(200, new Message.Live("http", "http/1.1", 59_000, "", null))));

    @Param({"ready", "listener", "200 connections"})
    @SuppressWarnings("NullAway.Init")
    private String message;

    @Benchmark
    public byte[] encode() throws IOException {
        return Frame.encode(Objects.requireNonNull(MESSAGES.get(message)));
    }

    @Benchmark
    public Message encodeAndDecode() throws IOException {
        return Frame.decode(encode());
    }
}

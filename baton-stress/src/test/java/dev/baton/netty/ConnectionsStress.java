package dev.baton.netty;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import dev.baton.Deadline;
import dev.baton.Drained;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import java.time.Duration;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** What is open, and a drain that waits for the last of it. */
public final class ConnectionsStress {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final HttpServer SERVER = HttpServer.of(request -> Response.text(""));

    private ConnectionsStress() {}

    private static Channel accepted(Connections connections) {
        var channel = new EmbeddedChannel();
        connections.accepted(new Http1Connection(SERVER, channel, "http"));
        return channel;
    }

    private static Drained drained(Connections connections) {
        try {
            return connections.drain(Deadline.after(LONG), null).orElseThrow();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A drain ends with the last connection, also with one that closes as it begins. */
    @JCStressTest
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "both had closed before")
    @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "one closed meanwhile")
    @Outcome(id = "2, 0, 0", expect = ACCEPTABLE, desc = "both closed meanwhile")
    @State
    public static class LastOne {
        private final Connections connections = new Connections();
        private final Channel one = accepted(connections);
        private final Channel other = accepted(connections);

        @Actor
        public void drains(III_Result result) {
            var drained = drained(connections);
            result.r1 = drained.finished();
            result.r2 = drained.cutConnections() + drained.cutRequests();
            result.r3 = connections.open().connections();
        }

        @Actor
        public void closes() {
            // As their listeners do; a channel of this kind itself is for one thread.
            connections.closed(one);
            connections.closed(other);
        }
    }

    /** Requests that begin and end are counted, and none stays. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "none is open afterwards")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "one was seen")
    @Outcome(id = "2, 0", expect = ACCEPTABLE, desc = "both were seen")
    @State
    public static class Requests {
        private final Connections connections = new Connections();

        @Actor
        public void asks() {
            connections.begun("one");
            connections.begun("other");
            connections.ended("one");
            connections.ended("other");
        }

        @Actor
        public void looks(II_Result result) {
            result.r1 = connections.open().requests();
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r2 = connections.open().requests();
        }
    }
}

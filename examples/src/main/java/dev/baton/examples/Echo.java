package dev.baton.examples;

import dev.baton.Baton;
import dev.baton.BatonConfig;

/** A program with a server of its own that takes part. */
public final class Echo {
    private Echo() {}

    public static void main(String[] args) throws Exception {
        var baton = Baton.join(BatonConfig.builder().name("echo").build());
        var listener = baton.listen("echo", BatonConfig.parseAddress("127.0.0.1:7007"));
        baton.attach(new EchoServer(listener)); // accepts nothing before it is this generation's turn
        baton.onBaton(
                () -> System.out.println("generation " + baton.generation() + " runs what must run once"),
                () -> System.out.println("generation " + baton.generation() + " has stopped what must run once"));
        baton.ready();
        baton.awaitEnd();
    }
}

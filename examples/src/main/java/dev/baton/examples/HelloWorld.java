package dev.baton.examples;

import dev.baton.Baton;
import dev.baton.BatonConfig;
import dev.baton.netty.HttpServer;
import dev.baton.netty.Response;

/** The shortest program that can be restarted without its clients noticing. */
public final class HelloWorld {
    private HelloWorld() {}

    public static void main(String[] args) throws Exception {
        Baton.serve(BatonConfig.at(":8000"), HttpServer.of(request -> Response.text("Hello, world!\n")));
    }
}

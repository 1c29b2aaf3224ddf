package dev.baton.benchmarks;

import java.io.IOException;
import java.util.List;

/** {@code baton hello}: it succeeds itself. */
final class BatonHello implements Peer {
    @Override
    public String id() {
        return "baton";
    }

    @Override
    public String name() {
        return "Baton, `hello`";
    }

    @Override
    public String manner() {
        return "SIGHUP";
    }

    @Override
    public String version() {
        return Java.versionOfBaton();
    }

    @Override
    public void start(Site site) throws IOException {
        site.start(Java.baton(
                List.of(),
                "hello",
                "--address",
                "127.0.0.1:" + site.port(),
                "--control-socket",
                site.path("control.sock"),
                "--pid-file",
                site.path("hello.pid")));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.signal("HUP", site.pidIn("hello.pid"));
    }
}

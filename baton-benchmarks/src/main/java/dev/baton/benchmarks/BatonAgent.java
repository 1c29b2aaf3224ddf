package dev.baton.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** An unmodified Jetty under {@code baton run}. */
final class BatonAgent implements Peer {
    /** As {@code ./baton run} starts it. */
    private static final List<String> SUPERVISOR = List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xms8m",
            "-Xmn4m",
            "-Xmx32m",
            "-Xss512k",
            "-XX:ReservedCodeCacheSize=16m",
            "-XX:-UsePerfData");

    @Override
    public String id() {
        return "baton-agent";
    }

    @Override
    public String name() {
        return "Baton, `run` with Jetty";
    }

    @Override
    public String manner() {
        return "SIGHUP to the supervisor";
    }

    @Override
    public String version() {
        return Java.versionOfBaton() + ", " + JettyServer.version();
    }

    @Override
    public void start(Site site) throws IOException {
        var run = List.of("run", "--name", "compare", "--control-socket", site.path("control.sock"), "--");
        var command = new ArrayList<>(run);
        command.addAll(Java.jetty(Integer.toString(site.port())));
        site.start(Java.baton(SUPERVISOR, command.toArray(String[]::new)));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.signal("HUP", site.first());
    }
}

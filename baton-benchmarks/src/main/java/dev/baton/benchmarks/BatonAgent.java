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

    private final int warmUp;

    /**
     * One of them.
     *
     * @param warmUp how many requests a generation answers before it serves others; 0 for none, as by default
     */
    BatonAgent(int warmUp) {
        this.warmUp = warmUp;
    }

    @Override
    public String id() {
        return warmUp == 0 ? "baton-agent" : "baton-warm";
    }

    @Override
    public String name() {
        return warmUp == 0 ? "Baton, `run` with Jetty" : "Baton, `run --warm-up " + warmUp + "`, Jetty";
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
        var command =
                new ArrayList<>(List.of("run", "--name", "compare", "--control-socket", site.path("control.sock")));
        if (warmUp > 0) {
            command.addAll(List.of("--ready-http", "/", "--warm-up", Integer.toString(warmUp)));
        }
        command.add("--");
        command.addAll(Java.jetty(Integer.toString(site.port())));
        site.start(Java.baton(SUPERVISOR, command.toArray(String[]::new)));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.signal("HUP", site.first());
    }
}

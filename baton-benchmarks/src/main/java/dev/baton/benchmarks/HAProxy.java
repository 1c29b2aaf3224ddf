package dev.baton.benchmarks;

import java.io.IOException;
import java.util.Map;

/** HAProxy as master and worker, answering by itself. */
final class HAProxy implements Peer {
    @Override
    public String id() {
        return "haproxy";
    }

    @Override
    public String name() {
        return "HAProxy";
    }

    @Override
    public String manner() {
        return "master-worker, reload by SIGUSR2";
    }

    @Override
    public Map<String, String> needs() {
        return Map.of("haproxy", "haproxy");
    }

    @Override
    public String version() throws IOException {
        return Site.firstLine("haproxy", "-v");
    }

    @Override
    public void start(Site site) throws IOException {
        site.resource("haproxy.cfg", Map.of());
        site.start("haproxy", "-W", "-p", site.path("haproxy.pid"), "-f", site.path("haproxy.cfg"));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.resource("haproxy.cfg", Map.of());
        site.signal("USR2", site.first());
    }
}

package dev.baton.benchmarks;

import java.io.IOException;
import java.util.Map;

/**
 * Puma with two workers of sixteen threads.
 *
 * @param signal what restarts it
 */
record Puma(String id, String manner, String signal) implements Peer {
    @Override
    public String name() {
        return "Puma";
    }

    @Override
    public Map<String, String> needs() {
        return Map.of("puma", "puma");
    }

    @Override
    public String version() throws IOException {
        return Site.firstLine("puma", "--version");
    }

    @Override
    public void start(Site site) throws IOException {
        site.resource("puma.rb", Map.of());
        site.start("puma", "-C", site.path("puma.rb"));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.signal(signal, site.first());
    }
}

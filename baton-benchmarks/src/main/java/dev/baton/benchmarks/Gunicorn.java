package dev.baton.benchmarks;

import java.io.IOException;
import java.util.Map;

/** gunicorn with two workers of sixteen threads. */
final class Gunicorn implements Peer {
    @Override
    public String id() {
        return "gunicorn";
    }

    @Override
    public String name() {
        return "gunicorn";
    }

    @Override
    public String manner() {
        return "new workers, SIGHUP";
    }

    @Override
    public Map<String, String> needs() {
        return Map.of("gunicorn", "gunicorn");
    }

    @Override
    public String version() throws IOException {
        return Site.firstLine("gunicorn", "--version");
    }

    @Override
    public void start(Site site) throws IOException {
        site.resource("application.py", Map.of());
        site.resource("gunicorn.py", Map.of());
        site.start("gunicorn", "-c", site.path("gunicorn.py"));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.signal("HUP", site.first());
    }
}

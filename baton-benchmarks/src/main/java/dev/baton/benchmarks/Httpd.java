package dev.baton.benchmarks;

import java.io.IOException;
import java.util.Map;

/** Apache's server with the event module and files. */
final class Httpd implements Peer {
    private static final String MODULES = "/usr/lib/apache2/modules";
    private static final int SLOW_BYTES = 1024;

    @Override
    public String id() {
        return "httpd";
    }

    @Override
    public String name() {
        return "Apache httpd";
    }

    @Override
    public String manner() {
        return "graceful restart, SIGUSR1";
    }

    @Override
    public Map<String, String> needs() {
        return Map.of("apache2", "apache2-bin", MODULES + "/mod_mpm_event.so", "apache2-bin");
    }

    @Override
    public String version() throws IOException {
        return Site.firstLine("apache2", "-v");
    }

    @Override
    public void start(Site site) throws IOException {
        site.write("documents/hello.txt", "Hello, world!\n");
        site.write("documents/slow", "x".repeat(SLOW_BYTES));
        configure(site);
        site.start("apache2", "-DFOREGROUND", "-f", site.path("httpd.conf"));
        site.await("httpd's pid file", () -> site.exists("httpd.pid"));
    }

    @Override
    public void restart(Site site) throws IOException {
        configure(site);
        site.signal("USR1", site.pidIn("httpd.pid"));
    }

    private static void configure(Site site) throws IOException {
        // Root's workers are somebody else; of anybody else's, nothing is said.
        var root = System.getProperty("user.name").equals("root");
        site.resource("httpd.conf", Map.of("modules", MODULES, "user", root ? "User nobody\nGroup nogroup" : ""));
    }
}

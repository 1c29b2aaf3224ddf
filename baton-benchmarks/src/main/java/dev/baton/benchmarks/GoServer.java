package dev.baton.benchmarks;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * Go's HTTP server, restarted as a program of its own says: the resource {@code ID.go}, compiled before it is started.
 *
 * @param library the directory of the library it is built with; empty if it needs none
 */
record GoServer(String id, String name, String manner, String library) implements Peer {
    private static final String PACKAGES = "/usr/share/gocode";
    private static final String DEBIAN = "/usr/share/doc/golang-github-cloudflare-tableflip-dev";

    @Override
    public Map<String, String> needs() {
        var needs = new HashMap<>(Map.of("go", "golang-go"));
        if (!library.isEmpty()) {
            needs.put(library, "golang-github-cloudflare-tableflip-dev");
        }
        return needs;
    }

    @Override
    public String version() throws IOException {
        var go = Site.firstLine("go", "version");
        return library.isEmpty()
                ? go
                : "tableflip " + Site.firstLine("dpkg-query", "-W", "-f", "${Version}", DEBIAN.replaceAll(".*/", ""))
                        + ", " + go;
    }

    @Override
    public void start(Site site) throws IOException {
        site.resource(id + ".go", Map.of());
        var environment = Map.of("GO111MODULE", "off", "GOPATH", PACKAGES, "GOCACHE", site.cache("go"), "GOFLAGS", "");
        site.run(environment, "go", "build", "-o", site.path(id), site.path(id + ".go"));
        site.start(site.path(id), "127.0.0.1:" + site.port(), site.path("control.sock"));
    }

    @Override
    public void restart(Site site) throws IOException {
        site.signal("HUP", site.answering(site.port()));
    }
}

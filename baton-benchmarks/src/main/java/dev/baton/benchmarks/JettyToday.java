package dev.baton.benchmarks;

import java.io.IOException;
import java.util.Map;

/** A Jetty that stops gracefully, restarted as one does without Baton. */
abstract class JettyToday implements Peer {
    @Override
    public String version() throws IOException {
        return JettyServer.version() + " on " + Java.version();
    }

    /** SIGTERM, wait for its end, start again. */
    static final class StopAndStart extends JettyToday {
        @Override
        public String id() {
            return "stop-start";
        }

        @Override
        public String name() {
            return "Jetty";
        }

        @Override
        public String manner() {
            return "stop gracefully, then start";
        }

        @Override
        public void start(Site site) throws IOException {
            site.start(Java.jetty(Integer.toString(site.port())));
        }

        @Override
        public void restart(Site site) throws IOException {
            var old = site.last();
            site.signal("TERM", old);
            site.awaitEnd(old);
            start(site);
            site.awaitAnswer(site.port());
        }
    }

    /** A second JVM on the same port, then SIGTERM to the first. */
    static final class TwoOnOnePort extends JettyToday {
        @Override
        public String id() {
            return "reuse-port";
        }

        @Override
        public String name() {
            return "Jetty, `SO_REUSEPORT`";
        }

        @Override
        public String manner() {
            return "start a second JVM, stop the first gracefully";
        }

        @Override
        public void start(Site site) throws IOException {
            site.start(Java.jetty(Integer.toString(site.port()), "reuse-port"));
        }

        @Override
        public void restart(Site site) throws IOException {
            var old = site.last();
            start(site);
            var next = site.last();
            site.await("an answer of the second JVM", () -> site.answering(site.port()) == next);
            site.signal("TERM", old);
            site.awaitEnd(old);
        }
    }

    /** A second JVM on another port, which nginx is told of, then SIGTERM to the first. */
    static final class BlueGreen extends JettyToday {
        private static final String APPLICATION = "application.pid";

        @Override
        public String id() {
            return "blue-green";
        }

        @Override
        public String name() {
            return "Jetty behind nginx";
        }

        @Override
        public String manner() {
            return "blue/green: start a second JVM, reload nginx, stop the first gracefully";
        }

        @Override
        public Map<String, String> needs() {
            return Map.of("nginx", "nginx-light");
        }

        @Override
        public String version() throws IOException {
            return super.version() + ", " + Site.firstLine("nginx", "-v");
        }

        @Override
        public void start(Site site) throws IOException {
            next(site);
            Nginx.run(site, "blue-green.conf");
        }

        @Override
        public void restart(Site site) throws IOException {
            var old = site.pidIn(APPLICATION);
            next(site);
            var workers = site.childrenOf(site.pidIn("nginx.pid"));
            site.signal("HUP", site.pidIn("nginx.pid"));
            for (var worker : workers) {
                site.awaitEnd(worker);
            }
            site.signal("TERM", old);
            site.awaitEnd(old);
        }

        private static void next(Site site) throws IOException {
            var port = site.freePort();
            site.write(APPLICATION, Long.toString(site.start(Java.jetty(Integer.toString(port)))));
            site.awaitAnswer(port);
            site.resource("blue-green.conf", Map.of("backend", Integer.toString(port)));
        }
    }
}

package dev.baton.benchmarks;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;

/** nginx with two workers that answer by themselves. */
abstract class Nginx implements Peer {
    /** Sends a thousand bytes in the first second, with the head. */
    private static final int SLOW_BYTES = 900;

    @Override
    public String name() {
        return "nginx";
    }

    @Override
    public Map<String, String> needs() {
        return Map.of("nginx", "nginx-light");
    }

    @Override
    public String version() throws IOException {
        return Site.firstLine("nginx", "-v");
    }

    @Override
    public void start(Site site) throws IOException {
        site.write("slow.txt", "x".repeat(SLOW_BYTES));
        site.resource("nginx.conf", Map.of());
        run(site, "nginx.conf");
    }

    /**
     * By its whole path: a new executable is found by the name the old one was started with. And by a shell that ends: while
     * its parent lives, nginx takes itself for a new executable, which is not to be replaced.
     */
    static void run(Site site, String configuration) throws IOException {
        site.start(
                "sh",
                "-c",
                "\"$@\" & until [ -e nginx.pid ] || ! kill -0 $!; do sleep 0.05; done",
                "sh",
                Site.program("nginx"),
                "-p",
                site.path(""),
                "-c",
                site.path(configuration));
        site.await("nginx's pid file", () -> site.exists("nginx.pid"));
    }

    /** New workers with a new configuration; the master stays. */
    static final class Reload extends Nginx {
        @Override
        public String id() {
            return "nginx-reload";
        }

        @Override
        public String manner() {
            return "reload, SIGHUP";
        }

        @Override
        public void restart(Site site) throws IOException {
            site.resource("nginx.conf", Map.of());
            site.signal("HUP", site.pidIn("nginx.pid"));
        }
    }

    /** A new master with new workers, as nginx.org's "Upgrading Executable on the Fly" says. */
    static final class Upgrade extends Nginx {
        private static final Duration BOTH_SERVE = Duration.ofSeconds(1);

        @Override
        public String id() {
            return "nginx-upgrade";
        }

        @Override
        public String manner() {
            return "new executable, SIGUSR2, then SIGWINCH and SIGQUIT to the old";
        }

        @Override
        public void restart(Site site) throws IOException {
            site.resource("nginx.conf", Map.of());
            var old = site.pidIn("nginx.pid");
            site.signal("USR2", old);
            site.await(
                    "the new master's pid file",
                    () -> site.exists("nginx.pid.oldbin")
                            && site.exists("nginx.pid")
                            && site.pidIn("nginx.pid") != old);
            site.pause(BOTH_SERVE);
            site.signal("WINCH", old);
            site.signal("QUIT", old);
        }
    }
}

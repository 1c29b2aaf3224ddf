package dev.baton.benchmarks;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * A server and one way to restart it. It answers {@code GET /} with "Hello, world!", and each answer names, in {@code X-Pid}
 * and {@code X-Generation}, who gave it, in numbers that are others after a restart.
 *
 * <p>An instance is asked by one thread, and keeps nothing: what it needs to know of a server that runs stands in its
 * {@link Site}.
 */
interface Peer {
    /** {@return what to call it on the command line and in file names: lower case, no blanks} */
    String id();

    /** {@return what to call it in a table} */
    String name();

    /** {@return how it is restarted, in a few words} */
    String manner();

    /** {@return the files it needs, each with the Debian package it comes from; a name without a slash is looked for on PATH} */
    default Map<String, String> needs() {
        return Map.of();
    }

    /**
     * Which version is measured.
     *
     * @return as it tells it itself, in one line
     * @throws IOException if it does not tell
     */
    String version() throws IOException;

    /** {@return whether it has an answer that takes about a second: {@code GET /slow?ms=800}} */
    default boolean answersSlowly() {
        return true;
    }

    /**
     * Starts it. It need not answer yet on return.
     *
     * @param site where
     * @throws IOException if that cannot be done
     */
    void start(Site site) throws IOException;

    /**
     * Restarts it. May return before the new generation serves or the old one has left, when the server does the rest by
     * itself.
     *
     * @param site where; its generation is that of the successor
     * @throws IOException if that cannot be done
     */
    void restart(Site site) throws IOException;

    /** {@return every one there is, in the order of the tables} */
    static List<Peer> all() {
        return List.of(
                new BatonHello(),
                new BatonAgent(0),
                new BatonAgent(200),
                new JettyToday.StopAndStart(),
                new JettyToday.TwoOnOnePort(),
                new JettyToday.BlueGreen(),
                new GoServer("origin", "Go, the origin's design", "SIGHUP; the child asks for the listener", ""),
                new GoServer(
                        "tableflip",
                        "Go, tableflip",
                        "SIGHUP, Upgrade()",
                        "/usr/share/gocode/src/github.com/cloudflare/tableflip"),
                new Nginx.Reload(),
                new Nginx.Upgrade(),
                new HAProxy(),
                new Httpd(),
                new Gunicorn(),
                new Puma("puma-phased", "phased restart, SIGUSR1", "USR1"),
                new Puma("puma-hot", "hot restart, SIGUSR2", "USR2"));
    }
}

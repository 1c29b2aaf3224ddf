package dev.baton.examples.servers.micronaut;

import io.micronaut.runtime.Micronaut;

/** Micronaut: {@code java -Dmicronaut.server.port=PORT MicronautServer}. */
public final class MicronautServer {
    private MicronautServer() {}

    /**
     * Starts it.
     *
     * @param arguments Micronaut's
     */
    public static void main(String[] arguments) {
        var _ = Micronaut.run(MicronautServer.class, arguments);
    }
}

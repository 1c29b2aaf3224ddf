package dev.baton.examples.servers;

import io.helidon.common.configurable.Resource;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.file.Path;

/** Helidon SE: {@code java HelidonServer PORT [KEYS PASSWORD]}, with TLS if there are keys, PKCS12. */
public final class HelidonServer {
    private static final String ALIAS = "server";

    private HelidonServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port, and the keys
     */
    public static void main(String[] arguments) {
        var server = WebServer.builder()
                .port(Integer.parseInt(arguments[0]))
                .routing(routing -> routing.get("/", HelidonServer::hello).get("/slow", HelidonServer::hello));
        if (arguments.length > 1) {
            var keys = io.helidon.common.pki.Keys.builder()
                    .keystore(store -> store.keystore(Resource.create(Path.of(arguments[1])))
                            .passphrase(arguments[2].toCharArray())
                            .keyAlias(ALIAS))
                    .build();
            var _ = server.tls(tls -> tls.privateKey(keys).privateKeyCertChain(keys));
        }
        var _ = server.build().start();
    }

    private static void hello(ServerRequest request, ServerResponse response) {
        Slow.work(request.query().first("ms").orElse(null));
        response.send("Hello, world!\n");
    }
}

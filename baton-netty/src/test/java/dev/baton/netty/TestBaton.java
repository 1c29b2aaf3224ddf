package dev.baton.netty;

import dev.baton.Baton;
import dev.baton.Listener;
import java.lang.reflect.Proxy;

/** A first generation, as far as a server has to do with it. */
final class TestBaton {
    private TestBaton() {}

    /** Starts a server and lets it accept, as Baton does when it is the server's turn. */
    static void serve(HttpServer server, Listener listener) throws Exception {
        server.start(baton(), listener);
        server.resume();
    }

    static Baton baton() {
        return (Baton) Proxy.newProxyInstance(
                TestBaton.class.getClassLoader(),
                new Class<?>[] {Baton.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "attach" -> null;
                    case "generation" -> 1;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }
}

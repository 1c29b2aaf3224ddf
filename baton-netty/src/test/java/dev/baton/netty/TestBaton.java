package dev.baton.netty;

import dev.baton.Baton;
import dev.baton.Listener;
import dev.baton.Predecessor;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A generation, as far as a server has to do with it. */
final class TestBaton {
    private TestBaton() {}

    /** Starts a server and lets it accept, as Baton does when it is the server's turn. */
    static void serve(HttpServer server, Listener listener) throws Exception {
        server.start(baton(), listener);
        server.resume();
    }

    static Baton baton() {
        return baton(Optional.empty());
    }

    /** One that another has started. */
    static Baton successor() {
        return baton(Optional.of(new Predecessor(1, 1, List.of(), Map.of())));
    }

    private static Baton baton(Optional<Predecessor> predecessor) {
        return (Baton) Proxy.newProxyInstance(
                TestBaton.class.getClassLoader(),
                new Class<?>[] {Baton.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "attach", "progress" -> null;
                    case "generation" -> 1;
                    case "predecessor" -> predecessor;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }
}

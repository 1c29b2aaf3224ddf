package dev.baton.netty;

import dev.baton.Baton;
import dev.baton.Listener;
import dev.baton.Predecessor;
import java.lang.reflect.Proxy;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

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
        return baton(Optional.of(proxy(Predecessor.class, name -> {
            throw new UnsupportedOperationException(name);
        })));
    }

    private static Baton baton(Optional<Predecessor> predecessor) {
        return proxy(Baton.class, name -> switch (name) {
            case "attach", "progress" -> null;
            case "generation" -> 1;
            case "predecessor" -> predecessor;
            default -> throw new UnsupportedOperationException(name);
        });
    }

    private static <T> T proxy(Class<T> type, Function<String, @Nullable Object> behaviour) {
        return type.cast(Proxy.newProxyInstance(
                TestBaton.class.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> behaviour.apply(method.getName())));
    }
}

package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import dev.baton.Deadline;
import dev.baton.linux.BorrowedDescriptor;
import dev.baton.linux.Descriptors;
import dev.baton.linux.Tcp;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeModel;
import java.lang.instrument.Instrumentation;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Announces the close of connections that stay, so that no client's request crosses it: GOAWAY, a WebSocket's Close, and
 * {@code Connection: close}. For use by one thread at a time.
 */
final class Notice {
    /*
     * Where the words that go over a connection are followed and are frames, the word that announces the close is put between
     * two of them, see sun.nio.ch.BatonFrames; the gate keeps the application from writing in the middle of it.
     *
     * HTTP/1.1 has no such place: the announcement is part of the next response. Where that goes in the clear the connection
     * moves and needs no announcement. Below TLS nobody can say anything but the server; where the TLS is the JDK's, the word
     * is added to what it says next, see sun.security.ssl.BatonPlaintext.
     *
     * For what is left, servers have a setting by which they let no connection live on, and ask for it again with each
     * request. While this process drains, what they ask for is made to answer that. It holds for all of a server's
     * connections, so it is done when none is left that could move.
     */
    private static final List<Setting> SETTINGS = List.of(
            // "The maximum number of HTTP requests which can be pipelined until the connection is closed"; 1 is none.
            new Setting("org.apache.coyote.http11.AbstractHttp11Protocol", "getMaxKeepAliveRequests", "()I", 1),
            new Setting("org.eclipse.jetty.server.HttpConfiguration", "isPersistentConnectionsEnabled", "()Z", 0),
            new Setting("io.undertow.server.HttpServerExchange", "isPersistent", "()Z", 0),
            // What Netty's own handlers, Reactor Netty and most applications ask of a request.
            new Setting(
                    "io.netty.handler.codec.http.HttpUtil",
                    "isKeepAlive",
                    "(Lio/netty/handler/codec/http/HttpMessage;)Z",
                    0),
            new Setting(
                    "io.vertx.core.http.impl.HttpUtils",
                    "isKeepAlive",
                    "(Lio/netty/handler/codec/http/HttpRequest;)Z",
                    0));

    /** So long a client may take to act on a farewell. */
    private static final Duration HEEDED = Duration.ofSeconds(3);

    /** So long before the deadline whoever has not asked again, and could not be told, is closed silently. */
    static final Duration LAST = Duration.ofSeconds(4);

    private static final Duration INSIDE = Duration.ofMillis(200);

    private final Instrumentation instrumentation;
    private final @Nullable Traffic traffic;
    private final Deadline deadline;
    private final Map<String, Deadline> told = new HashMap<>();
    private @Nullable Map<Class<?>, UnaryOperator<byte[]>> settings;
    private boolean isGiven;

    /** A method without side effects that a server calls with each request, and what it is to answer. */
    private record Setting(String type, String method, String descriptor, int answer) {
        byte[] change(byte[] classFile) {
            var file = ClassFile.of();
            return file.transformClass(
                    file.parse(classFile),
                    ClassTransform.transformingMethods(
                            method -> method.methodName().equalsString(this.method)
                                    && method.methodType().equalsString(descriptor),
                            (method, element) -> {
                                if (element instanceof CodeModel) {
                                    method.withCode(
                                            code -> code.loadConstant(answer).ireturn());
                                } else {
                                    method.with(element);
                                }
                            }));
        }
    }

    /**
     * Begins.
     *
     * @param traffic what goes over connections; null if they are not followed
     * @param deadline when the drain is over at the latest
     */
    Notice(Instrumentation instrumentation, @Nullable Traffic traffic, Deadline deadline) {
        this.instrumentation = instrumentation;
        this.traffic = traffic;
        this.deadline = deadline;
    }

    /**
     * Announces the close of a connection if its protocol has a word for that, once.
     *
     * @param one the connection, which is not to be moved
     * @param isAtRest whether nothing seems to be in progress on it
     * @throws IOException if {@code /proc} cannot be read
     */
    void give(Connections.One one, boolean isAtRest) throws IOException {
        var followed = traffic;
        if (followed == null
                || told.containsKey(one.socket())
                || !followed.hasFarewell(one.number())
                || (!isAtRest && followed.needsRestForFarewell(one.number()))) {
            return;
        }
        var gate = new Gate(followed);
        gate.withNobodyInside(List.of(one.number()), INSIDE, (number, id, wasWoken) -> {
            try (var connection = new BorrowedDescriptor(number).duplicate()) {
                var farewell = followed.farewell(number);
                if (farewell != null
                        && Descriptors.name(connection.number()).equals(one.socket())
                        && gate.isAllSeen(number, connection)
                        && Tcp.say(connection, farewell)) {
                    followed.saidFarewell(number, farewell.length);
                    told.put(one.socket(), Deadline.after(HEEDED));
                }
            }
        });
    }

    /** Announces it on connections with TLS, each as soon as its server says something. */
    void giveBelowTls() {
        if (traffic != null) {
            traffic.announceBelowTls(true);
        }
    }

    /** Has the servers announce it with their next responses, as far as they are known. What can move must have gone. */
    void giveWithResponses() {
        if (!isGiven && !settings().isEmpty()) {
            isGiven = true;
            if (!apply(settings())) {
                settings = Map.of();
            }
        }
    }

    /** Takes that back: the servers let connections live on as before. */
    void takeBack() {
        if (traffic != null) {
            traffic.announceBelowTls(false);
        }
        if (isGiven && !settings().isEmpty()) {
            var changes = new HashMap<>(settings());
            changes.replaceAll((type, change) -> UnaryOperator.identity());
            var _ = apply(changes);
        }
    }

    /** The classes of the servers here, each with its change. */
    private Map<Class<?>, UnaryOperator<byte[]>> settings() {
        if (settings == null) {
            var found = new HashMap<Class<?>, UnaryOperator<byte[]>>();
            for (Class<?> type : instrumentation.getAllLoadedClasses()) {
                for (var setting : SETTINGS) {
                    if (type.getName().equals(setting.type())) {
                        found.put(type, setting::change);
                    }
                }
            }
            settings = found;
        }
        return settings;
    }

    /** {@return whether a connection on which nothing is in progress should still be left open, for its client to be told} */
    boolean isDue(Connections.One one) {
        var heeded = told.get(one.socket());
        if (heeded != null) {
            return !heeded.isPassed();
        }
        var mayBeTold = traffic != null && traffic.isFollowedBelowTls(one.number());
        return (mayBeTold || (!settings().isEmpty() && (traffic == null || traffic.mayBeHttp1(one.number()))))
                && deadline.remaining().compareTo(LAST) > 0;
    }

    private boolean apply(Map<Class<?>, UnaryOperator<byte[]>> changes) {
        try {
            Hook.apply(instrumentation, changes);
            return true;
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the close of connections that stay is not announced in responses: {0}",
                    e.getMessage());
            return false;
        }
    }
}

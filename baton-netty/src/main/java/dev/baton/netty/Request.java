package dev.baton.netty;

import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.io.InputStream;
import java.net.SocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** What a client asked. Belongs to the thread of its {@link Handler}. */
public final class Request {
    private final String method;
    private final String target;
    private final String path;
    private final Headers headers;
    private final String protocol;
    private final boolean secure;
    private final SocketAddress remote;
    private final InputStream body;
    private final BooleanSupplier draining;
    private @Nullable Map<String, List<String>> query;

    /** @throws IllegalArgumentException if the path has a malformed percent-encoding */
    Request(
            HttpRequest head,
            String protocol,
            boolean secure,
            SocketAddress remote,
            InputStream body,
            BooleanSupplier draining) {
        this.method = head.method().name();
        this.target = head.uri();
        this.path = path(target);
        this.headers = new Headers(head.headers());
        this.protocol = protocol;
        this.secure = secure;
        this.remote = remote;
        this.body = body;
        this.draining = draining;
    }

    private static String path(String target) {
        var plain = target.startsWith("/") && target.indexOf('?') < 0 && target.indexOf('%') < 0;
        return plain ? target : new QueryStringDecoder(origin(target)).path();
    }

    /** A proxy sends {@code http://host/path}, which stands for {@code /path} (RFC 9112, section 3.2.2). */
    private static String origin(String target) {
        var authority = target.startsWith("/") ? -1 : target.indexOf("://");
        if (authority < 0) {
            return target;
        }
        var slash = target.indexOf('/', authority + 3);
        return slash < 0 ? "/" : target.substring(slash);
    }

    /** {@return the method, as {@code GET}} */
    public String method() {
        return method;
    }

    /** {@return the request target as it was sent, query included} */
    public String target() {
        return target;
    }

    /** {@return the path, percent-decoded as UTF-8, without the query; {@code *} for {@code OPTIONS *}} */
    public String path() {
        return path;
    }

    /**
     * The first query parameter of a name.
     *
     * @param name its name
     * @return its decoded value, empty for {@code ?name}
     * @throws IllegalArgumentException if the query has a malformed percent-encoding
     */
    public Optional<String> query(String name) {
        return queries(name).stream().findFirst();
    }

    /**
     * All query parameters of a name; the first 1024 parameters of a query are looked at.
     *
     * @param name their name
     * @return their decoded values
     * @throws IllegalArgumentException if the query has a malformed percent-encoding
     */
    public List<String> queries(String name) {
        if (query == null) {
            query = new QueryStringDecoder(origin(target)).parameters();
        }
        return query.getOrDefault(name, List.of());
    }

    /** {@return the header fields; over HTTP/2 the authority stands under {@code host}} */
    public Headers headers() {
        return headers;
    }

    /** {@return {@code HTTP/1.0}, {@code HTTP/1.1} or {@code HTTP/2}} */
    public String protocol() {
        return protocol;
    }

    /** {@return whether it came over TLS} */
    public boolean isSecure() {
        return secure;
    }

    /** {@return the address of whoever holds the other end of the connection, perhaps a proxy} */
    public SocketAddress remote() {
        return remote;
    }

    /**
     * The body. Nothing is taken from the network before it is read, but what arrived together with the head; the first
     * read answers {@code Expect: 100-continue}.
     *
     * @return the body, empty if there is none; a read waits at most the idle time-out for the next byte. It throws an
     *     {@link java.io.IOException} when the client vanished or when the body is too long, late or malformed
     */
    public InputStream body() {
        return body;
    }

    /** {@return whether this generation is on its way out: time to end what would last forever, say a stream of events} */
    public boolean isDraining() {
        return draining.getAsBoolean();
    }

    /** {@return method, target and client, for logs} */
    @Override
    public String toString() {
        return method + " " + target + " from " + remote;
    }
}

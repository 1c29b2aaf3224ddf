package dev.baton.netty;

import io.netty.handler.codec.http.HttpHeaders;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The header fields of a request. Names are matched without regard to case; nothing can be changed. */
public final class Headers implements Iterable<Map.Entry<String, String>> {
    private final HttpHeaders fields;

    Headers(HttpHeaders fields) {
        this.fields = fields;
    }

    /**
     * The first field of a name.
     *
     * @param name its name
     * @return its value
     */
    public Optional<String> first(String name) {
        return Optional.ofNullable(fields.get(name));
    }

    /**
     * All fields of a name, in the order they were sent.
     *
     * @param name their name
     * @return their values, empty if there is none
     */
    public List<String> all(String name) {
        return fields.getAll(name);
    }

    /**
     * Whether a list such as {@code Connection: keep-alive, Upgrade} has an element.
     *
     * @param name the name of the field or fields that hold the list
     * @param element the element, matched without regard to case
     * @return whether it is there
     */
    public boolean lists(String name, String element) {
        return fields.containsValue(name, element, true);
    }

    /** {@return how many fields there are} */
    public int size() {
        return fields.size();
    }

    /** {@return all fields in the order they were sent} */
    @Override
    public Iterator<Map.Entry<String, String>> iterator() {
        return fields.iteratorAsString();
    }

    /** {@return names and values, for logs} */
    @Override
    public String toString() {
        return fields.entries().toString();
    }
}

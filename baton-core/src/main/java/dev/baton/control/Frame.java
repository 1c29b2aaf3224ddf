package dev.baton.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.jr.ob.JSON;

/**
 * The codec between a {@link Message} and the bytes of one packet: four bytes {@code 'B' 'T' 'N' version}, then a JSON
 * object whose {@code type} names the message.
 *
 * <p>The transport is {@code SOCK_SEQPACKET} (unix(7)): the kernel keeps the borders of packets, delivers a packet with
 * its descriptors as one, and never delivers half of one, also when the sender is killed while sending. So there is no
 * length to announce and none to lie about.
 */
public final class Frame {
    /** The version this code speaks. It changes only when a message can no longer be read by older code. */
    public static final byte VERSION = 1;

    /** The longest packet. */
    public static final int LIMIT_BYTES = 64 * 1024;

    /** The most descriptors that belong to one message. */
    public static final int LIMIT_DESCRIPTORS = 200;

    private static final int HEADER_BYTES = 4;
    private static final int LIMIT_DEPTH = 8;

    private static final JSON CODEC = new JSON(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(LIMIT_DEPTH)
                    .maxDocumentLength(LIMIT_BYTES)
                    .build())
            .build());

    private static final Map<String, Class<?>> TYPES = Stream.of(Message.class.getPermittedSubclasses())
            .collect(Collectors.toUnmodifiableMap(type -> snakeCase(type.getSimpleName()), type -> type));

    private static final ClassValue<Form> FORMS = new ClassValue<>() {
        @Override
        protected Form computeValue(Class<?> record) {
            return Form.of(record);
        }
    };

    private Frame() {}

    /** A frame that breaks a rule. The message names the rule. */
    public static final class Violation extends IOException {
        private static final long serialVersionUID = 1L;
        private final String code;
        private final String rule;

        Violation(String code, String rule) {
            super(rule);
            this.code = code;
            this.rule = rule;
        }

        /** {@return the rule and how it was broken, in words} */
        public String rule() {
            return rule;
        }

        /** {@return a code of {@link Message.Refused}} */
        public String code() {
            return code;
        }
    }

    /**
     * Encodes a message.
     *
     * @param message the message
     * @return the packet
     * @throws IOException if it would be longer than {@link #LIMIT_BYTES}
     */
    public static byte[] encode(Message message) throws IOException {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("type", snakeCase(message.getClass().getSimpleName()));
        fields.putAll(fieldsOf((Record) message));
        var json = CODEC.asBytes(fields);
        var packet = new byte[HEADER_BYTES + json.length];
        if (packet.length > LIMIT_BYTES) {
            throw new Violation(
                    Message.Refused.PROTOCOL,
                    "a " + fields.get("type") + " message of " + packet.length + " bytes is longer than the limit of "
                            + LIMIT_BYTES);
        }
        packet[0] = 'B';
        packet[1] = 'T';
        packet[2] = 'N';
        packet[3] = VERSION;
        System.arraycopy(json, 0, packet, HEADER_BYTES, json.length);
        return packet;
    }

    /**
     * Decodes a packet. Unknown fields are ignored, an unknown type is refused by its name.
     *
     * @param packet the packet
     * @return the message
     * @throws Violation if it is not a message of this protocol
     */
    public static Message decode(byte[] packet) throws Violation {
        if (packet.length < HEADER_BYTES || packet[0] != 'B' || packet[1] != 'T' || packet[2] != 'N') {
            throw new Violation(
                    Message.Refused.PROTOCOL, "these " + packet.length + " bytes are no frame of this protocol");
        }
        if (packet[3] != VERSION) {
            throw new Violation(
                    Message.Refused.PROTOCOL,
                    "the frame has version " + packet[3] + ", this process speaks version " + VERSION);
        }
        @Nullable Map<String, Object> fields;
        try {
            fields = CODEC.mapFrom(new String(packet, HEADER_BYTES, packet.length - HEADER_BYTES, UTF_8));
        } catch (RuntimeException e) {
            throw new Violation(Message.Refused.PROTOCOL, "the frame's JSON cannot be read: " + firstLine(e));
        }
        if (fields == null || !(fields.get("type") instanceof String type)) {
            throw new Violation(Message.Refused.PROTOCOL, "the frame's JSON has no type");
        }
        var record = TYPES.get(type);
        if (record == null) {
            throw new Violation(Message.Refused.UNKNOWN, "unknown message '" + printable(type) + "'");
        }
        return (Message) recordOf(record, fields, type);
    }

    /**
     * Turns a record into what JSON knows, for callers that print it.
     *
     * @param message the record
     * @return its components by name, absent ones left out
     */
    public static Map<String, Object> fieldsOf(Record message) {
        var fields = new LinkedHashMap<String, Object>();
        for (var component : FORMS.get(message.getClass()).components()) {
            var value = toJson(component.of(message));
            if (value != null) {
                fields.put(component.name(), value);
            }
        }
        return fields;
    }

    private static @Nullable Object toJson(@Nullable Object value) {
        return switch (value) {
            case Record record -> fieldsOf(record);
            case List<?> list -> list.stream().map(Frame::toJson).toList();
            case null -> null;
            default -> value;
        };
    }

    /** What reflection knows of a record. To ask it anew for each of some hundred connections takes milliseconds. */
    private record Form(Constructor<?> constructor, List<Component> components) {
        static Form of(Class<?> record) {
            var all = record.getRecordComponents();
            var types = Stream.of(all).map(RecordComponent::getType).toArray(Class<?>[]::new);
            try {
                return new Form(
                        record.getDeclaredConstructor(types),
                        Stream.of(all).map(Component::of).toList());
            } catch (NoSuchMethodException e) {
                throw new IllegalStateException("cannot make " + record, e);
            }
        }

        Object make(@Nullable Object[] values) {
            try {
                return constructor.newInstance(values);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot make " + constructor.getDeclaringClass(), e);
            }
        }
    }

    /**
     * A component of a record.
     *
     * @param element the type of its elements when it is a list, {@code Void} otherwise
     */
    private record Component(String name, Class<?> type, Class<?> element, boolean isNullable, Method accessor) {
        static Component of(RecordComponent component) {
            var element = component.getGenericType() instanceof ParameterizedType list
                    ? (Class<?>) list.getActualTypeArguments()[0]
                    : Void.class;
            return new Component(
                    component.getName(),
                    component.getType(),
                    element,
                    component.getAnnotatedType().isAnnotationPresent(Nullable.class),
                    component.getAccessor());
        }

        @Nullable
        Object of(Record record) {
            try {
                return accessor.invoke(record);
            } catch (IllegalAccessException | InvocationTargetException e) {
                throw new IllegalStateException("cannot read " + accessor, e);
            }
        }
    }

    private static Object recordOf(Class<?> record, Map<String, Object> fields, String where) throws Violation {
        var form = FORMS.get(record);
        var values = new @Nullable Object[form.components().size()];
        for (int i = 0; i < values.length; i++) {
            var component = form.components().get(i);
            values[i] = fromJson(component, fields.get(component.name()), where);
        }
        return form.make(values);
    }

    private static @Nullable Object fromJson(Component component, @Nullable Object value, String where)
            throws Violation {
        var type = component.type();
        if (value == null && component.isNullable()) {
            return null;
        }
        if ((type == String.class && value instanceof String)
                || ((type == boolean.class || type == Boolean.class) && value instanceof Boolean)) {
            return value;
        }
        if ((type == int.class || type == long.class || type == Long.class)
                && (value instanceof Integer || value instanceof Long)) {
            var wide = ((Number) value).longValue();
            if (type != int.class) {
                return wide;
            }
            if ((int) wide == wide) {
                return (int) wide;
            }
        }
        if (type == List.class && value instanceof List<?> list) {
            return listOf(component.element(), list, where + "." + component.name());
        }
        if (type.isRecord() && value instanceof Map<?, ?> map) {
            return recordOf(type, stringKeys(map), where + "." + component.name());
        }
        throw new Violation(
                Message.Refused.PROTOCOL,
                value == null
                        ? where + " lacks " + component.name()
                        : where + "." + component.name() + " is not "
                                + type.getSimpleName().toLowerCase(Locale.ROOT));
    }

    private static List<Object> listOf(Class<?> element, List<?> list, String where) throws Violation {
        var values = new ArrayList<Object>(list.size());
        for (var value : list) {
            if (element.isInstance(value)) {
                values.add(value);
            } else if (element.isRecord() && value instanceof Map<?, ?> map) {
                values.add(recordOf(element, stringKeys(map), where));
            } else {
                throw new Violation(Message.Refused.PROTOCOL, where + " has an element that does not belong there");
            }
        }
        return List.copyOf(values);
    }

    private static Map<String, Object> stringKeys(Map<?, ?> map) {
        var copy = new LinkedHashMap<String, Object>();
        map.forEach((key, value) -> copy.put(String.valueOf(key), value));
        return copy;
    }

    private static String snakeCase(String name) {
        return name.replaceAll("(?<=[a-z])(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
    }

    private static String firstLine(Throwable e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static String printable(String text) {
        var clean = text.replaceAll("\\P{Graph}", "?");
        return clean.length() > 40 ? clean.substring(0, 40) + "…" : clean;
    }
}

package dev.baton.agent;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * Sends the calls a class makes to some static methods of another type to methods of the same name and type in a class elsewhere.
 *
 * <p>That takes no change of any method: in the constant pool (JVMS 4.4) a call names its class, and another one is written
 * there. It takes a millisecond, where the class-file library of the JDK needs a hundred to start.
 */
final class CallSites {
    private static final int UTF8 = 1;
    private static final int CLASS = 7;
    private static final int METHOD = 10;
    private static final int INTERFACE_METHOD = 11;
    private static final int NAME_AND_TYPE = 12;
    private static final int MOST_CONSTANTS = 0xffff;

    /** From access_flags to attributes_count (JVMS 4.1). */
    private static final int LEAST_BEHIND_POOL = 14;

    private static final byte INVOKEVIRTUAL = (byte) 0xb6;
    private static final byte INVOKESTATIC = (byte) 0xb8;

    private CallSites() {}

    /**
     * Redirects.
     *
     * @param classFile the class that makes the calls
     * @param from the class that is called, in internal form
     * @param methods its methods to redirect: a name, whatever their types, or a name with a descriptor (JVMS 4.3.3)
     * @param to the class to be called instead
     * @return the class file, redirected
     * @throws IllegalArgumentException if it makes no such call, or is no class file
     */
    static byte[] redirect(byte[] classFile, String from, Set<String> methods, String to) {
        return redirect(classFile, from, methods, to, new HashSet<>());
    }

    /**
     * Redirects as {@link #redirect}, and insists on each of the methods.
     *
     * @throws IllegalArgumentException if it does not call all of them, or is no class file
     */
    static byte[] redirectAll(byte[] classFile, String from, Set<String> methods, String to) {
        var called = new HashSet<String>();
        var redirected = redirect(classFile, from, methods, to, called);
        if (!called.equals(methods)) {
            var missing = new TreeSet<>(methods);
            missing.removeAll(called);
            throw new IllegalArgumentException("no call of " + from + "." + missing + " in it");
        }
        return redirected;
    }

    private static byte[] redirect(byte[] classFile, String from, Set<String> methods, String to, Set<String> called) {
        var pool = Pool.of(classFile);
        var type = pool.count + 1;
        var redirected = pool.grown().withType(to).toClassFile();
        var owner = ascii(from);
        for (int i = 1; i < pool.count; i++) {
            if (pool.isMethodOf(i, owner)) {
                var name = pool.name(i);
                var method = methods.contains(name) ? name : name + pool.descriptor(i);
                if (methods.contains(method)) {
                    put(redirected, pool.places[i], type);
                    redirected[pool.places[i] - 1] = METHOD; // also where an interface was called
                    called.add(method);
                }
            }
        }
        if (called.isEmpty()) {
            throw new IllegalArgumentException("no call of " + from + "." + methods + " in it");
        }
        return redirected;
    }

    /**
     * Gives a class another name. It must not speak of itself.
     *
     * @param name the new name, in internal form
     * @return the class file, renamed
     * @throws IllegalArgumentException if it is no class file
     */
    static byte[] rename(byte[] classFile, String name) {
        var pool = Pool.of(classFile);
        var renamed = pool.grown().withType(name).toClassFile();
        int end = renamed.length - (classFile.length - pool.end);
        put(renamed, end + 2, pool.count + 1); // this_class, behind access_flags (JVMS 4.1)
        return renamed;
    }

    /**
     * Redirects the one call of an instance method to a static method that gets the instance first.
     *
     * @param classFile the class that makes the call
     * @param from the class that is called, in internal form
     * @param method the name of its method
     * @param descriptor the method's parameters and result
     * @param to the class to be called instead
     * @return the class file, redirected
     * @throws IllegalArgumentException if it makes no such call, or several, or is no class file
     */
    static byte[] redirectVirtual(byte[] classFile, String from, String method, String descriptor, String to) {
        var pool = Pool.of(classFile);
        var name = ascii(from);
        int old = 0;
        for (int i = 1; i < pool.count; i++) {
            if (pool.isMethodOf(i, name)
                    && pool.name(i).equals(method)
                    && pool.descriptor(i).equals(descriptor)) {
                old = i;
            }
        }
        var redirected = pool.grown()
                .withType(to)
                .withText(method)
                .withText("(L" + from + ";" + descriptor.substring(1))
                .withPair(NAME_AND_TYPE, pool.count + 2, pool.count + 3)
                .withPair(METHOD, pool.count + 1, pool.count + 4)
                .toClassFile();
        // Three bytes that mean the call. They could mean something else as well; then there are more than one.
        int at = -1;
        for (int i = redirected.length - (classFile.length - pool.end); i < redirected.length - 2; i++) {
            if (redirected[i] == INVOKEVIRTUAL
                    && redirected[i + 1] == (byte) (old >> 8)
                    && redirected[i + 2] == (byte) old) {
                if (at >= 0) {
                    throw new IllegalArgumentException("several calls of " + from + "." + method + " in it");
                }
                at = i;
            }
        }
        if (old == 0 || at < 0) {
            throw new IllegalArgumentException("no call of " + from + "." + method + " in it");
        }
        redirected[at] = INVOKESTATIC;
        put(redirected, at + 1, pool.count + 5);
        return redirected;
    }

    /** The constants of a class file: where each stands, behind its tag. Texts are looked at where they stand. */
    private static final class Pool {
        private final byte[] classFile;
        private final int count;
        private final int[] places;
        private final int end;

        private Pool(byte[] classFile) {
            this.classFile = classFile;
            count = number(8);
            Objects.checkIndex(0, count);
            places = new int[count];
            int at = 10;
            for (int i = 1; i < count; i++) {
                int tag = classFile[at++];
                places[i] = at;
                switch (tag) {
                    case UTF8 -> at += 2 + number(at);
                    case CLASS, 8, 16, 19, 20 -> at += 2;
                    case 15 -> at += 3;
                    case 3, 4, 9, METHOD, INTERFACE_METHOD, NAME_AND_TYPE, 17, 18 -> at += 4;
                    case 5, 6 -> {
                        at += 8;
                        i++; // takes two places
                        Objects.checkIndex(i, count);
                    }
                    default -> throw new IllegalArgumentException("not a class file known here: constant " + tag);
                }
            }
            Objects.checkFromToIndex(at, at + LEAST_BEHIND_POOL, classFile.length);
            end = at;
        }

        static Pool of(byte[] classFile) {
            try {
                return new Pool(classFile);
            } catch (IndexOutOfBoundsException e) {
                throw new IllegalArgumentException(
                        "not a class file known here: it ends too early, or its constants do not end where they should",
                        e);
            }
        }

        private int number(int at) {
            return ((classFile[at] & 0xff) << 8) | (classFile[at + 1] & 0xff);
        }

        boolean isMethodOf(int constant, byte[] type) {
            int place = places[constant];
            if (place == 0 || (classFile[place - 1] != METHOD && classFile[place - 1] != INTERFACE_METHOD)) {
                return false;
            }
            int text = place(number(place(number(place), CLASS)), UTF8);
            return Arrays.equals(classFile, text + 2, text + 2 + number(text), type, 0, type.length);
        }

        String name(int method) {
            return text(number(place(number(places[method] + 2), NAME_AND_TYPE)));
        }

        String descriptor(int method) {
            return text(number(place(number(places[method] + 2), NAME_AND_TYPE) + 2));
        }

        private int place(int constant, int tag) {
            int place = constant < count ? places[constant] : 0;
            if (place == 0 || classFile[place - 1] != tag) {
                throw new IllegalArgumentException(
                        "not a class file known here: constant " + constant + " is not of kind " + tag);
            }
            return place;
        }

        private String text(int constant) {
            int place = place(constant, UTF8);
            return new String(classFile, place + 2, number(place), StandardCharsets.ISO_8859_1);
        }

        Grown grown() {
            return new Grown(this);
        }
    }

    /** A class file with further constants. */
    private static final class Grown extends ByteArrayOutputStream {
        private final Pool pool;
        private int constants;

        Grown(Pool pool) {
            super(pool.classFile.length + 256);
            this.pool = pool;
            this.constants = pool.count;
            write(pool.classFile, 0, pool.end);
        }

        private Grown constant(int tag) {
            write(tag);
            constants++;
            return this;
        }

        private Grown number(int value) {
            write(value >> 8);
            write(value);
            return this;
        }

        Grown withText(String text) {
            constant(UTF8).number(text.length()).writeBytes(ascii(text));
            return this;
        }

        /** A class takes two: its name, and itself. */
        Grown withType(String name) {
            int text = constants;
            return withText(name).constant(CLASS).number(text);
        }

        Grown withPair(int tag, int first, int second) {
            return constant(tag).number(first).number(second);
        }

        byte[] toClassFile() {
            if (constants > MOST_CONSTANTS) {
                throw new IllegalArgumentException("no room for further constants: it has " + (pool.count - 1));
            }
            write(pool.classFile, pool.end, pool.classFile.length - pool.end);
            var copy = toByteArray();
            put(copy, 8, constants);
            return copy;
        }
    }

    /** The JDK's and Netty's names are ASCII. */
    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 8);
        bytes[at + 1] = (byte) value;
    }
}

package dev.baton.agent;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Set;

/**
 * Sends the calls a class makes to some static methods of another class to methods of the same name and type elsewhere.
 *
 * <p>That takes no change of any method: in the constant pool (JVMS 4.4) a call names its class, and another one is written
 * there. It takes a millisecond, where the class-file library of the JDK needs a hundred to start.
 */
final class CallSites {
    private static final int UTF8 = 1;
    private static final int CLASS = 7;
    private static final int METHOD = 10;
    private static final int NAME_AND_TYPE = 12;
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
     * @throws IllegalArgumentException if it makes no such call
     */
    static byte[] redirect(byte[] classFile, String from, Set<String> methods, String to) {
        try {
            var pool = new Pool(classFile);
            var redirected = pool.with(bytes -> bytes.writeType(to));
            int calls = 0;
            for (int i = 1; i < pool.count; i++) {
                if (pool.isMethodOf(i, from)
                        && (methods.contains(pool.name(i)) || methods.contains(pool.name(i) + pool.descriptor(i)))) {
                    put(redirected, pool.places[i], pool.count + 1);
                    calls++;
                }
            }
            if (calls == 0) {
                throw new IllegalArgumentException("no call of " + from + "." + methods + " in it");
            }
            return redirected;
        } catch (IOException e) {
            throw new IllegalArgumentException("not a class file known here: " + e.getMessage(), e);
        }
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
     * @throws IllegalArgumentException if it makes no such call, or several
     */
    static byte[] redirectVirtual(byte[] classFile, String from, String method, String descriptor, String to) {
        try {
            var pool = new Pool(classFile);
            int old = 0;
            for (int i = 1; i < pool.count; i++) {
                if (pool.isMethodOf(i, from)
                        && pool.name(i).equals(method)
                        && pool.descriptor(i).equals(descriptor)) {
                    old = i;
                }
            }
            var redirected = pool.with(bytes -> {
                bytes.writeType(to);
                bytes.writeText(method);
                bytes.writeText("(L" + from + ";" + descriptor.substring(1));
                bytes.writePair(NAME_AND_TYPE, pool.count + 2, pool.count + 3);
                bytes.writePair(METHOD, pool.count + 1, pool.count + 4);
            });
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
        } catch (IOException e) {
            throw new IllegalArgumentException("not a class file known here: " + e.getMessage(), e);
        }
    }

    /** The constants of a class file, and where they stand. */
    private static final class Pool {
        private final byte[] classFile;
        private final int count;
        private final int end;
        private final String[] texts;
        private final int[] firsts;
        private final int[] seconds;
        private final int[] tags;
        private final int[] places;

        Pool(byte[] classFile) throws IOException {
            this.classFile = classFile;
            var in = new DataInputStream(new ByteArrayInputStream(classFile));
            in.skipNBytes(8);
            count = in.readUnsignedShort();
            texts = new String[count];
            firsts = new int[count];
            seconds = new int[count];
            tags = new int[count];
            places = new int[count];
            for (int i = 1; i < count; i++) {
                tags[i] = in.readUnsignedByte();
                places[i] = classFile.length - in.available();
                switch (tags[i]) {
                    case UTF8 -> texts[i] = in.readUTF();
                    case CLASS, 8, 16, 19, 20 -> firsts[i] = in.readUnsignedShort();
                    case 9, METHOD, 11, NAME_AND_TYPE, 17, 18 -> {
                        firsts[i] = in.readUnsignedShort();
                        seconds[i] = in.readUnsignedShort();
                    }
                    case 15 -> in.skipNBytes(3);
                    case 3, 4 -> in.skipNBytes(4);
                    case 5, 6 -> {
                        in.skipNBytes(8);
                        i++; // takes two places
                    }
                    default -> throw new IOException("unknown constant " + tags[i]);
                }
            }
            end = classFile.length - in.available();
        }

        boolean isMethodOf(int constant, String type) {
            return tags[constant] == METHOD && type.equals(texts[firsts[firsts[constant]]]);
        }

        String name(int method) {
            return texts[firsts[seconds[method]]];
        }

        String descriptor(int method) {
            return texts[seconds[seconds[method]]];
        }

        /** {@return a copy of the class file with further constants} */
        byte[] with(Further further) throws IOException {
            var bytes = new ByteArrayOutputStream(classFile.length + 256);
            var out = new Constants(bytes, count);
            out.write(classFile, 0, end);
            further.write(out);
            out.write(classFile, end, classFile.length - end);
            var copy = bytes.toByteArray();
            put(copy, 8, out.count);
            return copy;
        }
    }

    private interface Further {
        void write(Constants constants) throws IOException;
    }

    private static final class Constants extends DataOutputStream {
        private int count;

        Constants(ByteArrayOutputStream bytes, int count) {
            super(bytes);
            this.count = count;
        }

        void writeText(String text) throws IOException {
            writeByte(UTF8);
            writeUTF(text);
            count++;
        }

        /** A class takes two: its name, and itself. */
        void writeType(String name) throws IOException {
            writeText(name);
            writeByte(CLASS);
            writeShort(count - 1);
            count++;
        }

        void writePair(int tag, int first, int second) throws IOException {
            writeByte(tag);
            writeShort(first);
            writeShort(second);
            count++;
        }
    }

    private static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 8);
        bytes[at + 1] = (byte) value;
    }
}

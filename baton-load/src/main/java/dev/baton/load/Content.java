package dev.baton.load;

import java.nio.charset.StandardCharsets;

/** What the body of an answer must be. */
sealed interface Content {
    /** Whether these bytes may stand at this place of the body. */
    boolean allows(byte[] bytes, int from, int to, long index);

    /** Whether a body of this length is whole. */
    boolean isWhole(long length);

    /** The length to tell a reader of a failure. */
    String size();

    /** Any body. */
    record Any() implements Content {
        @Override
        public boolean allows(byte[] bytes, int from, int to, long index) {
            return true;
        }

        @Override
        public boolean isWhole(long length) {
            return true;
        }

        @Override
        public String size() {
            return "any number of";
        }
    }

    /** Exactly these bytes; a final line feed may be there or not. */
    final class Text implements Content {
        private final byte[] expected;

        Text(byte[] expected) {
            this.expected = expected;
        }

        static Text of(String line) {
            return new Text((line + "\n").getBytes(StandardCharsets.US_ASCII));
        }

        @Override
        public boolean allows(byte[] bytes, int from, int to, long index) {
            for (int i = from, at = (int) index; i < to; i++, at++) {
                if (at >= expected.length || bytes[i] != expected[at]) {
                    return false;
                }
            }
            return true;
        }

        @Override
        public boolean isWhole(long length) {
            return length == expected.length || length == expected.length - 1;
        }

        @Override
        public String size() {
            return Integer.toString(expected.length);
        }
    }

    /** The letters a to z over and over: the byte at index i is {@code 'a' + i % 26}. */
    record Letters(long length) implements Content {
        @Override
        public boolean allows(byte[] bytes, int from, int to, long index) {
            int letter = (int) (index % 26);
            for (int i = from; i < to; i++) {
                if (bytes[i] != 'a' + letter) {
                    return false;
                }
                letter = letter == 25 ? 0 : letter + 1;
            }
            return index + (to - from) <= length;
        }

        @Override
        public boolean isWhole(long length) {
            return length == this.length;
        }

        @Override
        public String size() {
            return Long.toString(length);
        }
    }
}

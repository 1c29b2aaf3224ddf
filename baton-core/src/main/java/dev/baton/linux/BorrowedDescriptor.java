package dev.baton.linux;

/**
 * A descriptor that belongs to somebody else, the JDK or the application. Never closed by us. Its owner may close it at
 * any time, and the number may then stand for something else.
 *
 * @param number its number
 */
public record BorrowedDescriptor(int number) implements Descriptor {
    /**
     * Checks the number, not whether it is open.
     *
     * @throws IllegalArgumentException if the number is negative
     */
    public BorrowedDescriptor {
        if (number < 0) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
    }
}

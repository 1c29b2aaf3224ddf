package sun.nio.ch;

/**
 * Follows what goes over a connection in one direction, in one protocol. Not safe for use by several threads at once.
 */
public interface BatonFollower {
    /** {@return how many of the next bytes may be {@linkplain #skip skipped} because nothing depends on them} */
    long skippable();

    /**
     * Passes bytes over.
     *
     * @param bytes not more than {@link #skippable}
     */
    void skip(long bytes);

    /**
     * Takes the next byte, which must not be skippable.
     *
     * @param next the byte, signed or not
     */
    void take(int next);

    /** {@return whether what comes next is another protocol's} */
    boolean isPassedOn();
}

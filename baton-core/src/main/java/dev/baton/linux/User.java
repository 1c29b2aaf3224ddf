package dev.baton.linux;

/** The user this process acts as. */
public final class User {
    private User() {}

    /** {@return the effective user id (geteuid(2)); 0 is root} */
    public static int id() {
        return (int) SystemCall.GETEUID.invoke();
    }
}

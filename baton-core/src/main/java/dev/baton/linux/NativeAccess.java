package dev.baton.linux;

import java.lang.invoke.MethodHandle;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whose permission the one native call of this room is made with (JEP 472): this module's, which
 * {@code --enable-native-access} grants, unless one that has it anyway lends its own.
 */
public final class NativeAccess {
    private static volatile @Nullable Supplier<MethodHandle> lender;

    private NativeAccess() {}

    /**
     * Has the handle of syscall(2) made by somebody else. Before the first call.
     *
     * @param syscall makes a downcall handle of {@code long syscall(long, ...)} that takes a segment for {@code errno} (capture
     *     state) and six longs; asked once, by the thread that makes the first call
     */
    public static void borrow(Supplier<MethodHandle> syscall) {
        lender = syscall;
    }

    /** Has it made now, by a thread that has nothing better to do: the first one takes a tenth of a second. */
    public static void prepare() {
        var _ = SystemCall.GETEUID.invoke();
    }

    static @Nullable Supplier<MethodHandle> lender() {
        return lender;
    }
}

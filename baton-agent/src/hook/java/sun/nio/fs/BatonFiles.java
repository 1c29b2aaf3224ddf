package sun.nio.fs;

import java.util.function.Predicate;

/** What {@link UnixFileSystemProvider} calls in place of unlink(2), once the agent has redirected it. */
public final class BatonFiles {
    private static Predicate<String> stays;

    private BatonFiles() {}

    /**
     * Names who is asked, before anything is redirected here.
     *
     * @param stays whether a file must stay though the application deletes it, by its path
     */
    public static void install(Predicate<String> stays) {
        BatonFiles.stays = stays;
    }

    static void unlink(UnixPath path) throws UnixException {
        if (!stays.test(path.toString())) {
            UnixNativeDispatcher.unlink(path);
        }
    }
}

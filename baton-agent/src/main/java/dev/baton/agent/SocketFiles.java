package dev.baton.agent;

import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Keeps the files of Unix-domain listeners in place. The path belongs to the newest generation; an older one that stops
 * would remove it, as most servers do, and so would a new one just before it binds. Both are told that it is gone.
 */
final class SocketFiles {
    private SocketFiles() {}

    /**
     * From now on files are asked for before they are deleted, by {@link java.io.File#delete} and by
     * {@link java.nio.file.Files#delete}.
     *
     * @param stays whether a file must stay, by its path as the application wrote it; called by the application's threads
     * @throws ReflectiveOperationException if the JDK is not built as expected
     * @throws IOException if the jar is damaged
     */
    static void guard(Instrumentation instrumentation, Predicate<String> stays)
            throws ReflectiveOperationException, IOException {
        var provider = Hook.type("sun.nio.fs.UnixFileSystemProvider");
        Hook.open(instrumentation, "java.io", "sun.nio.fs");
        Hook.define("java/io/BatonFiles", java.io.File.class);
        Hook.define("sun/nio/fs/BatonFiles", provider);
        java.io.BatonFiles.install(stays);
        sun.nio.fs.BatonFiles.install(stays);
        Hook.apply(
                instrumentation,
                Map.of(
                        java.io.File.class,
                        classFile -> CallSites.redirectVirtual(
                                classFile, "java/io/FileSystem", "delete", "(Ljava/io/File;)Z", "java/io/BatonFiles"),
                        provider,
                        classFile -> CallSites.redirect(
                                classFile,
                                "sun/nio/fs/UnixNativeDispatcher",
                                Set.of("unlink"),
                                "sun/nio/fs/BatonFiles")));
    }
}

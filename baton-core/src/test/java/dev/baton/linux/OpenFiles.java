package dev.baton.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** What this process has open, by number; files are left out, since the JVM opens its jars when it likes. */
public final class OpenFiles {
    private OpenFiles() {}

    public static Map<Integer, String> now() throws IOException {
        var open = new TreeMap<Integer, String>();
        try (var entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var entry : entries) {
                try {
                    var target = Files.readSymbolicLink(entry).toString();
                    if (!target.startsWith("/")) {
                        open.put(Integer.parseInt(entry.getFileName().toString()), target);
                    }
                } catch (NoSuchFileException e) {
                    // closed since the directory was read
                }
            }
        }
        return open;
    }
}

package dev.baton.agent;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/** Loads the agent where no other loader looks, and where nothing of the application's is found. */
public final class Isolated extends ClassLoader {
    private static final String PREFIX = "META-INF/baton/";

    static {
        registerAsParallelCapable();
    }

    private final JarFile jar;
    private final String version;

    private Isolated(JarFile jar) throws IOException {
        super("baton", ClassLoader.getPlatformClassLoader());
        this.jar = jar;
        this.version = jar.getManifest().getMainAttributes().getValue(Attributes.Name.IMPLEMENTATION_VERSION);
    }

    /**
     * Starts the agent. Called by {@code Premain}.
     *
     * @param options see {@code Options}; empty when there are none
     * @param instrumentation what the JVM lends
     * @throws Throwable if the agent cannot work in this JVM
     */
    public static void start(String options, Instrumentation instrumentation) throws Throwable {
        var location = Isolated.class.getProtectionDomain().getCodeSource().getLocation();
        try {
            new Isolated(new JarFile(new File(location.toURI())))
                    .loadClass("dev.baton.agent.Agent")
                    .getMethod("start", String.class, Instrumentation.class)
                    .invoke(null, options, instrumentation);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        try (var in = getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            var packageName = name.substring(0, name.lastIndexOf('.'));
            if (getDefinedPackage(packageName) == null) {
                try {
                    definePackage(packageName, null, null, null, null, version, null, null);
                } catch (IllegalArgumentException e) {
                    // Another thread was faster.
                }
            }
            var bytes = in.readAllBytes();
            return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    @Override
    public @Nullable InputStream getResourceAsStream(String name) {
        try {
            var entry = jar.getJarEntry(PREFIX + name);
            return entry == null ? null : jar.getInputStream(entry);
        } catch (IOException e) {
            return null;
        }
    }
}

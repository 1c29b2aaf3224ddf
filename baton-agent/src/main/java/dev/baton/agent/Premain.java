package dev.baton.agent;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/**
 * Where the JVM enters the agent. It starts the rest in a class loader of its own, and whatever goes wrong there, the
 * application starts as if there were no agent: an exception that left this class would abort the JVM.
 */
public final class Premain {
    private Premain() {}

    /**
     * Called by the JVM before {@code main}, for {@code -javaagent:baton-agent.jar=options}.
     *
     * @param options see {@code Options}; null when there are none
     * @param instrumentation what the JVM lends
     */
    // "rawtypes" and the like do not apply; null comes from the JVM, and this class must not need jspecify's
    // annotations.
    public static void premain(@Nullable String options, Instrumentation instrumentation) {
        try {
            var location = Premain.class.getProtectionDomain().getCodeSource().getLocation();
            var loader = new Isolated(new JarFile(new File(location.toURI())));
            loader.loadClass("dev.baton.agent.Agent")
                    .getMethod("start", String.class, Instrumentation.class)
                    .invoke(null, options == null ? "" : options, instrumentation);
        } catch (Throwable e) {
            var cause = e instanceof InvocationTargetException && e.getCause() != null ? e.getCause() : e;
            System.err.println("baton: this process runs without Baton and cannot be restarted by it: "
                    + (cause.getMessage() == null ? cause : cause.getMessage()));
        }
    }

    /**
     * Called by the launcher, for {@code Launcher-Agent-Class} in the manifest of an executable jar that holds the agent.
     *
     * @param options see {@code Options}; null when there are none
     * @param instrumentation what the JVM lends
     */
    public static void agentmain(@Nullable String options, Instrumentation instrumentation) {
        premain(options, instrumentation);
    }

    /** Finds classes where no other loader looks, and knows nothing of the application's. */
    private static final class Isolated extends ClassLoader {
        private static final String PREFIX = "META-INF/baton/";

        static {
            registerAsParallelCapable();
        }

        private final JarFile jar;
        private final String version;

        Isolated(JarFile jar) throws IOException {
            super("baton", ClassLoader.getPlatformClassLoader());
            this.jar = jar;
            this.version = jar.getManifest().getMainAttributes().getValue(Attributes.Name.IMPLEMENTATION_VERSION);
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
}

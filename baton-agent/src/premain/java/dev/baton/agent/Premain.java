package dev.baton.agent;

import java.lang.instrument.Instrumentation;

/**
 * Where the JVM enters the agent. Whatever goes wrong, the application starts as if there were no agent: an exception that
 * left this class would abort the JVM, and so would a class that an older JVM cannot read. So this one is made for Java 8.
 */
public final class Premain {
    private static final int OLDEST_JAVA = 25;

    private Premain() {}

    /**
     * Called by the JVM before {@code main}, for {@code -javaagent:baton-agent.jar=options}.
     *
     * @param options see {@code Options}; null when there are none
     * @param instrumentation what the JVM lends
     */
    public static void premain(String options, Instrumentation instrumentation) {
        String failure;
        try {
            if (isTooOld(System.getProperty("java.specification.version"))) {
                failure = "it is run by Java " + System.getProperty("java.version") + " ("
                        + System.getProperty("java.home") + "), and Baton needs " + OLDEST_JAVA + " or later";
            } else {
                Isolated.start(options == null ? "" : options, instrumentation);
                return;
            }
        } catch (Throwable e) {
            failure = e.getMessage() == null ? e.toString() : e.getMessage();
        }
        System.err.println("baton: this process runs without Baton and cannot be restarted by it: " + failure);
    }

    /** Java 8 calls itself 1.8. */
    private static boolean isTooOld(String version) {
        return version.startsWith("1.") || Integer.parseInt(version) < OLDEST_JAVA;
    }

    /**
     * Called by the launcher, for {@code Launcher-Agent-Class} in the manifest of an executable jar that holds the agent.
     *
     * @param options see {@code Options}; null when there are none
     * @param instrumentation what the JVM lends
     */
    public static void agentmain(String options, Instrumentation instrumentation) {
        premain(options, instrumentation);
    }
}

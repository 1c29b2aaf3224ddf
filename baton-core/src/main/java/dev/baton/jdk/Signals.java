package dev.baton.jdk;

import java.io.IOException;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;

/**
 * Signals an operator sends, by way of {@code sun.misc.Signal}. They are a convenience beside the control socket: a
 * signal can not answer, and whoever started the process may have seen to it that it never arrives.
 */
public final class Signals {
    /*
     * By reflection, although the class is public and documented: javac warns of it wherever it is named, and since JDK 25
     * has no way to be told that this is known. HotSpot leaves a signal ignored that was ignored when it started, and says
     * so to nobody, so the mask is asked. An IllegalArgumentException from handle() means the JVM keeps the signal.
     */
    private static final Set<String> KNOWN = Set.of("HUP", "INT", "TERM");

    private Signals() {}

    /** What became of a request to be told of a signal. */
    public enum Outcome {
        /** The action runs when the signal arrives. */
        INSTALLED,
        /** Whoever started this process had the signal ignored, as nohup does with HUP; the JVM leaves it so. */
        IGNORED_AT_START,
        /** The JVM does not give the signal away, as with {@code -Xrs}; it ends the process at once. */
        REFUSED
    }

    /**
     * The answer to {@link #on}.
     *
     * @param signal the signal's name without SIG
     * @param outcome what became of it
     */
    public record Registration(String signal, Outcome outcome) {
        /** {@return whether the action will run when the signal arrives} */
        public boolean isEffective() {
            return outcome == Outcome.INSTALLED;
        }

        /** {@return the outcome in a sentence for an operator's log} */
        public String explanation() {
            return switch (outcome) {
                case INSTALLED -> "SIG" + signal + " is handled";
                case IGNORED_AT_START ->
                    "SIG" + signal
                            + " will never arrive: it was ignored when this process was started (nohup, or a shell's"
                            + " trap ''); use the control socket, or start without";
                case REFUSED ->
                    "SIG" + signal + " cannot be handled and ends this process at once: the JVM keeps it to itself;"
                            + " is -Xrs on the command line or in JAVA_TOOL_OPTIONS?";
            };
        }
    }

    /**
     * Runs an action each time a signal arrives, in place of what the JVM did with it until now: INT and TERM no longer
     * end the process, and shutdown hooks run only when the action calls {@link System#exit}. A later call for the same
     * signal replaces the action. Any thread.
     *
     * @param name {@code HUP}, {@code INT} or {@code TERM}
     * @param action runs on a fresh thread for each arrival, which may block; two may run at the same time
     * @return whether the action will ever run, and if not, why
     * @throws IllegalArgumentException for any other name. USR2 in particular: HotSpot suspends threads with it (JFR
     *     samples that way), so a handler would take each sample for an operator's request
     */
    public static Registration on(String name, Runnable action) {
        if (name.equals("USR2"))
            throw new IllegalArgumentException("SIGUSR2 cannot be used: HotSpot suspends threads with it, and JFR would"
                    + " trigger the handler with every sample; use HUP");
        if (!KNOWN.contains(name))
            throw new IllegalArgumentException("SIG" + name + " cannot be used: only HUP, INT and TERM can");
        try {
            var signalType = Class.forName("sun.misc.Signal");
            var handlerType = Class.forName("sun.misc.SignalHandler");
            var signal = signalType.getConstructor(String.class).newInstance(name);
            if (isIgnored((int) signalType.getMethod("getNumber").invoke(signal)))
                return new Registration(name, Outcome.IGNORED_AT_START);
            var run =
                    MethodHandles.publicLookup().findVirtual(Runnable.class, "run", MethodType.methodType(void.class));
            var handler = MethodHandleProxies.asInterfaceInstance(
                    handlerType, MethodHandles.dropArguments(run.bindTo(action), 0, signalType));
            var _ = signalType.getMethod("handle", signalType, handlerType).invoke(null, signal, handler);
            return new Registration(name, Outcome.INSTALLED);
        } catch (ReflectiveOperationException e) {
            return new Registration(name, Outcome.REFUSED);
        }
    }

    /** Whether SigIgn in /proc/self/status, a hexadecimal mask with signal n at bit n - 1 (proc_pid_status(5)), has it. */
    private static boolean isIgnored(int number) {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("SigIgn:"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .anyMatch(mask -> (Long.parseUnsignedLong(mask, 16) >>> (number - 1) & 1) == 1);
        } catch (IOException e) {
            return false;
        }
    }
}

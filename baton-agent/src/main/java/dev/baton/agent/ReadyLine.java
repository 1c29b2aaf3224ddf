package dev.baton.agent;

import java.io.BatonOutput;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.instrument.Instrumentation;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Waits for a text that the application prints when it can serve. {@link PrintStream} is listened to and {@code System.out} left
 * as it is, so the application does not see it, and may replace it by whatever hands on to the one it found.
 */
final class ReadyLine implements Predicate<byte[]> {
    private final String text;
    private final String bytes;
    private String tail = "";
    private volatile boolean isPrinted;

    /** @param text what to wait for, within one line */
    ReadyLine(String text) {
        this.text = text;
        this.bytes = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /**
     * Begins to listen.
     *
     * @throws ReflectiveOperationException if the JDK is not built as expected
     * @throws IOException if the jar is damaged
     */
    void listen(Instrumentation instrumentation) throws ReflectiveOperationException, IOException {
        Hook.open(instrumentation, "java.io");
        Hook.define("java/io/BatonOutput", PrintStream.class);
        BatonOutput.install(this);
        Hook.apply(
                instrumentation,
                Map.of(
                        PrintStream.class,
                        classFile -> CallSites.redirectVirtual(
                                classFile, "java/io/OutputStream", "write", "([BII)V", "java/io/BatonOutput")));
    }

    /** {@return what is still to come, in words for an operator; empty when it was printed} */
    String awaited() {
        return isPrinted ? "" : "waiting for the application to print '" + text + "'";
    }

    @Override
    public synchronized boolean test(byte[] printed) {
        var all = tail + new String(printed, StandardCharsets.ISO_8859_1);
        isPrinted = isPrinted || all.contains(bytes);
        // The rest of it may come next.
        tail = all.substring(Math.max(0, all.length() - bytes.length() + 1));
        return isPrinted;
    }
}

package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import sun.security.ssl.BatonPlaintext;

/**
 * What an application says below TLS, where that is the JDK's: {@code sun.security.ssl.BatonPlaintext}, put between its engines
 * and sockets and their records, and spoken to from here. For any thread.
 *
 * <p>An application without TLS need not pay for that. So it is put there when the first connection begins with a handshake, by
 * the thread that has read it and before the application learns of it: then nothing has been said yet.
 */
final class Plaintext implements Runnable {
    private static final String PACKAGE = "sun.security.ssl";
    private static final String PLAINTEXT = "sun/security/ssl/BatonPlaintext";
    private static final String RECORD = "sun/security/ssl/OutputRecord";
    private static final String TRANSPORT = "sun/security/ssl/SSLTransport";
    private static final Set<String> DECODE = Set.of("decode");
    private static final Map<String, UnaryOperator<byte[]>> CHANGES = Map.of(
            "SSLEngineImpl",
            classFile -> CallSites.redirectVirtual(
                    CallSites.redirect(classFile, TRANSPORT, DECODE, PLAINTEXT),
                    RECORD,
                    "encode",
                    "([Ljava/nio/ByteBuffer;II[Ljava/nio/ByteBuffer;II)Lsun/security/ssl/Ciphertext;",
                    PLAINTEXT),
            "SSLSocketImpl",
            classFile -> CallSites.redirect(classFile, TRANSPORT, DECODE, PLAINTEXT),
            "SSLSocketImpl$AppOutputStream",
            classFile -> CallSites.redirectVirtual(classFile, RECORD, "deliver", "([BII)V", PLAINTEXT));

    private final Instrumentation instrumentation;
    private volatile boolean isFollowed;
    private volatile boolean isAnnounced;

    Plaintext(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /** Puts it in place. When that cannot be done, everything goes on without it. */
    @Override
    public void run() {
        try {
            Hook.open(instrumentation, PACKAGE);
            Hook.define(PLAINTEXT, Hook.type(PACKAGE + ".SSLEngineImpl"));
            var changes = new HashMap<Class<?>, UnaryOperator<byte[]>>();
            for (var one : CHANGES.entrySet()) {
                changes.put(Hook.type(PACKAGE + "." + one.getKey()), one.getValue());
            }
            Hook.apply(instrumentation, changes);
            isFollowed = true;
            BatonPlaintext.announce(isAnnounced);
        } catch (ReflectiveOperationException | IOException | RuntimeException | LinkageError e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the close of connections with TLS cannot be announced by the agent: {0}",
                    e.getMessage());
        }
    }

    /** {@return whether it is in place; not before the first handshake} */
    boolean isFollowed() {
        return isFollowed;
    }

    /** Has the close of every connection announced as soon as the application says something on it, or no more. */
    void announce(boolean whether) {
        isAnnounced = whether;
        if (isFollowed) {
            BatonPlaintext.announce(whether);
        }
    }
}

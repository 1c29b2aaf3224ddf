package dev.baton.agent;

import static dev.baton.log.Log.LOG;

import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Puts {@code java.lang.BatonTransports} between Netty's native transports and the system calls by which a listener is
 * opened, and {@code java.lang.BatonTransportTraffic} between its epoll transport and those that touch a connection.
 *
 * <p>Listeners are opened by one class, {@code io.netty.channel.unix.Socket}, under another package where Netty was relocated.
 * It is loaded late and perhaps by several class loaders. A transformer that waits for it would be shown every class the JVM
 * loads. Its native library is loaded right after it and by the same loader, and so the place where the JDK loads libraries
 * is where it is waited for.
 *
 * <p>Connections are read and written by that class and two others. They are changed when the first listener is opened whose
 * connections are to be followed.
 */
final class NativeTransports {
    static final String TRANSPORTS = "java/lang/BatonTransports";
    private static final String TRAFFIC = "java/lang/BatonTransportTraffic";
    private static final String NATIVES = "java/lang/BatonTransportNatives";
    private static final String LIBRARY = "netty_transport_native_";
    private static final String ASKING = "util.internal.NativeLibraryUtil";
    private static final int NEAR = 8;

    private static final Set<String> LISTENERS = Set.of(
            "bind(IZ[BII)I",
            "listen(II)I",
            "localAddress(I)[B",
            "bindDomainSocket(I[B)I",
            "localDomainSocketAddress(I)[B");
    private static final Natives SOCKETS = new Natives(
            "channel.unix.Socket",
            NATIVES + "$Sockets",
            "java/lang/BatonTransportSockets",
            union(LISTENERS, Set.of("remoteAddress(I)[B")),
            Set.of(
                    "accept(I[B)I",
                    "shutdown(IZZ)I",
                    "recv(ILjava/nio/ByteBuffer;II)I",
                    "recvAddress(IJII)I",
                    "send(ILjava/nio/ByteBuffer;II)I",
                    "sendAddress(IJII)I"));
    private static final Natives FILES = new Natives(
            "channel.unix.FileDescriptor",
            NATIVES + "$Files",
            "java/lang/BatonTransportFiles",
            Set.of(),
            Set.of(
                    "read(ILjava/nio/ByteBuffer;II)I",
                    "readAddress(IJII)I",
                    "write(ILjava/nio/ByteBuffer;II)I",
                    "writeAddress(IJII)I",
                    "writev(I[Ljava/nio/ByteBuffer;IIJ)J",
                    "writevAddresses(IJI)J",
                    "close(I)I"));
    private static final Natives POLLS = new Natives(
            "channel.epoll.Native",
            NATIVES + "$Polls",
            "java/lang/BatonTransportPolls",
            Set.of(),
            Set.of("epollCtlAdd0(III)I", "epollCtlMod0(III)I", "epollCtlDel0(II)I"));

    private final Instrumentation instrumentation;

    /** Of each Netty that was loaded the class of its sockets, and whether its connections are followed. */
    private final Map<Class<?>, Boolean> nettys = new HashMap<>();

    private boolean areDefined;

    /**
     * A class of Netty's that owns native methods, and what calls them for us.
     *
     * @param owner its name, without what stands before {@code channel}
     * @param face what is called, in internal form
     * @param caller what implements that
     * @param others methods that are called beside {@code touching}
     * @param touching methods by which a connection is touched
     */
    private record Natives(String owner, String face, String caller, Set<String> others, Set<String> touching) {}

    NativeTransports(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /** Has {@link Runtime} tell of libraries. */
    static byte[] redirect(byte[] runtime) {
        return CallSites.redirect(runtime, "java/lang/ClassLoader", Set.of("loadLibrary"), TRANSPORTS);
    }

    /** Called by the application's threads, from within the JDK. */
    void loading(Class<?> asking, String library) {
        if (!library.contains(LIBRARY)) {
            return;
        }
        try {
            redirect(asking);
        } catch (ReflectiveOperationException | IOException | RuntimeException | LinkageError e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "a successor cannot take the listeners of {0}: {1}",
                    library,
                    String.valueOf(e.getMessage()));
        }
    }

    private synchronized void redirect(Class<?> asking) throws ReflectiveOperationException, IOException {
        var name = asking.getName();
        if (!name.endsWith(ASKING)) {
            throw new ReflectiveOperationException("it is loaded by " + name + ", which is no part of Netty");
        }
        var socket = Class.forName(
                name.substring(0, name.length() - ASKING.length()) + SOCKETS.owner(), false, asking.getClassLoader());
        if (nettys.containsKey(socket)) {
            return; // another of its libraries
        }
        if (!areDefined) {
            for (var one : List.of(NATIVES, SOCKETS.face(), FILES.face(), POLLS.face(), TRAFFIC)) {
                Hook.define(one, Object.class);
            }
            areDefined = true;
        }
        BatonTransports.install((BatonTransportNatives.Sockets) nestmate(socket, SOCKETS));
        Hook.apply(instrumentation, Map.of(socket, classFile -> listening(socket, classFile)));
        nettys.put(socket, false);
    }

    /** An older Netty does not have all of the methods. */
    private static byte[] listening(Class<?> socket, byte[] classFile) {
        return CallSites.redirect(classFile, internal(socket), LISTENERS, TRANSPORTS);
    }

    /** {@return whether the calling thread is opening a listener of a native transport} */
    static boolean isOpening() {
        var transports = TRANSPORTS.replace('/', '.');
        var frames = new Throwable().getStackTrace();
        for (int i = 0; i < Math.min(frames.length, NEAR); i++) {
            if (frames[i].getClassName().equals(transports)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Follows what goes over the connections of each Netty there is by now, after {@link Traffic#install}.
     *
     * @throws ReflectiveOperationException if it is another Netty than is known here
     * @throws IOException if the jar is damaged
     */
    synchronized void follow() throws ReflectiveOperationException, IOException {
        for (var netty : nettys.entrySet()) {
            if (!netty.getValue()) {
                follow(netty.getKey());
                netty.setValue(true);
            }
        }
    }

    private void follow(Class<?> socket) throws ReflectiveOperationException, IOException {
        var name = socket.getName();
        var prefix = name.substring(0, name.length() - SOCKETS.owner().length());
        var file = Class.forName(prefix + FILES.owner(), false, socket.getClassLoader());
        var epoll = Class.forName(prefix + POLLS.owner(), false, socket.getClassLoader());
        BatonTransportTraffic.install((BatonTransportNatives.Files) nestmate(file, FILES), (BatonTransportNatives.Polls)
                nestmate(epoll, POLLS));
        Hook.apply(
                instrumentation,
                Map.of(
                        // A class that is changed anew needs it anew.
                        socket, classFile -> touching(socket, listening(socket, classFile), SOCKETS),
                        file, classFile -> touching(file, classFile, FILES),
                        epoll, classFile -> touching(epoll, classFile, POLLS)));
    }

    private static byte[] touching(Class<?> owner, byte[] classFile, Natives natives) {
        return CallSites.redirectAll(classFile, internal(owner), natives.touching(), TRAFFIC);
    }

    /** What calls the native methods of a class, whatever package that is in. */
    private static Object nestmate(Class<?> owner, Natives natives) throws ReflectiveOperationException, IOException {
        var name = owner.getPackageName().replace('.', '/')
                + natives.caller().substring(natives.caller().lastIndexOf('/'));
        var redirected = CallSites.redirectAll(
                Hook.classFile(natives.caller()),
                NATIVES,
                union(natives.others(), natives.touching()),
                internal(owner));
        return BatonTransportNatives.nestmate(owner, name, CallSites.rename(redirected, name));
    }

    private static Set<String> union(Set<String> some, Set<String> more) {
        var union = new HashSet<>(some);
        union.addAll(more);
        return union;
    }

    private static String internal(Class<?> type) {
        return type.getName().replace('.', '/');
    }
}

package dev.baton.examples.servers;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** One connection of HTTP/1.1 over TLS. It never asks twice. */
final class TlsClient implements AutoCloseable {
    static final String PASSWORD = "changeit";
    private static final int LIMIT_MS = 30_000;
    private static final int LIMIT_S = 30;

    private final SSLSocket socket;

    TlsClient(InetSocketAddress address, SSLContext context) throws IOException {
        socket = (SSLSocket) context.getSocketFactory().createSocket(address.getAddress(), address.getPort());
        socket.setSoTimeout(LIMIT_MS);
        socket.startHandshake();
    }

    /** Makes a certificate for localhost. {@return the file with it and its key} */
    static Path certificate(Path directory) throws IOException, InterruptedException {
        var file = directory.resolve("keys.p12");
        var keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/keytool").toString(),
                        "-genkeypair",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=localhost",
                        "-storetype",
                        "PKCS12",
                        "-storepass",
                        PASSWORD,
                        "-keystore",
                        file.toString())
                .inheritIO()
                .start();
        if (!keytool.waitFor(LIMIT_S, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
            throw new IOException("keytool failed");
        }
        return file;
    }

    /** {@return what trusts this certificate alone} */
    static SSLContext trusting(Path certificate) throws IOException, GeneralSecurityException {
        var keys = KeyStore.getInstance("PKCS12");
        try (var in = Files.newInputStream(certificate)) {
            keys.load(in, PASSWORD.toCharArray());
        }
        var trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("server", keys.getCertificate(keys.aliases().nextElement()));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    /**
     * Asks, and reads the answer.
     *
     * @return whether the answer announces the close of the connection
     * @throws IOException if it is not answered, or not with 200
     */
    boolean ask() throws IOException {
        socket.getOutputStream().write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(ISO_8859_1));
        var in = new DataInputStream(socket.getInputStream());
        var head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.readUnsignedByte());
        }
        var text = head.toString().toLowerCase(Locale.ROOT);
        if (!text.startsWith("http/1.1 200")) {
            throw new IOException(head.toString());
        }
        var length = text.replaceAll("(?s).*content-length: *(\\d+).*", "$1");
        in.skipNBytes(Long.parseLong(length));
        return text.contains("connection: close");
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}

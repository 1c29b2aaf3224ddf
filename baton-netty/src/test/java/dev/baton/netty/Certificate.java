package dev.baton.netty;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate for 127.0.0.1 that signed itself, as PEM files, and a client that trusts it. */
record Certificate(Path certificate, Path key, SSLContext client) {
    private static final char[] PASSWORD = "changeit".toCharArray();

    static Certificate in(Path dir) throws IOException, InterruptedException, GeneralSecurityException {
        var file = dir.resolve("store.p12");
        var command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "test",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=ip:127.0.0.1,dns:localhost",
                "-storetype",
                "PKCS12",
                "-keystore",
                file.toString(),
                "-storepass",
                new String(PASSWORD));
        var log = dir.resolve("keytool.log");
        var process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (process.waitFor() != 0) {
            throw new IOException("keytool failed: " + Files.readString(log));
        }
        var store = KeyStore.getInstance(file.toFile(), PASSWORD);
        var trust = KeyStore.getInstance(KeyStore.getDefaultType());
        trust.load(null, null);
        trust.setCertificateEntry("test", store.getCertificate("test"));
        var trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(trust);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trusted.getTrustManagers(), null);
        return new Certificate(
                pem(
                        dir.resolve("certificate.pem"),
                        "CERTIFICATE",
                        store.getCertificate("test").getEncoded()),
                pem(
                        dir.resolve("key.pem"),
                        "PRIVATE KEY",
                        store.getKey("test", PASSWORD).getEncoded()),
                context);
    }

    private static Path pem(Path file, String what, byte[] der) throws IOException {
        var text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return Files.writeString(file, "-----BEGIN %s-----%n%s%n-----END %s-----%n".formatted(what, text, what));
    }
}

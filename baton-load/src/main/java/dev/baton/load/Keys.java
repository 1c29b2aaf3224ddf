package dev.baton.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A key to test with, for localhost and 127.0.0.1, and a certificate that it has signed itself.
 *
 * @param file holds both, PKCS12, with {@link #PASSWORD}
 */
public record Keys(Path file) {
    /** Of the file and of the key. */
    public static final String PASSWORD = "changeit";

    private static final String ALIAS = "server";
    private static final int LIMIT_S = 30;

    /**
     * Makes one, by the JDK's keytool.
     *
     * @param directory where {@code keys.p12} is written
     * @throws IOException if keytool cannot, with what it said
     */
    public static Keys in(Path directory) throws IOException, InterruptedException {
        var file = directory.resolve("keys.p12");
        var log = directory.resolve("keytool.log");
        var keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/keytool").toString(),
                        "-genkeypair",
                        "-alias",
                        ALIAS,
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=localhost",
                        "-ext",
                        "SAN=ip:127.0.0.1,dns:localhost",
                        "-storetype",
                        "PKCS12",
                        "-storepass",
                        PASSWORD,
                        "-keystore",
                        file.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (!keytool.waitFor(LIMIT_S, TimeUnit.SECONDS)) {
            keytool.destroyForcibly();
            throw new IOException("keytool did not end within " + LIMIT_S + " s");
        }
        if (keytool.exitValue() != 0) {
            throw new IOException("keytool failed: " + Files.readString(log));
        }
        return new Keys(file);
    }

    /** {@return what a client needs that trusts this certificate alone} */
    public SSLContext trusted() throws IOException, GeneralSecurityException {
        var trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry(ALIAS, load().getCertificate(ALIAS));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    /** {@return what a server needs that has this key} */
    public SSLContext used() throws IOException, GeneralSecurityException {
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(load(), PASSWORD.toCharArray());
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    /** {@return a file beside it with the certificate in PEM (RFC 7468), written now} */
    public Path certificate() throws IOException, GeneralSecurityException {
        return pem(
                "certificate.pem", "CERTIFICATE", load().getCertificate(ALIAS).getEncoded());
    }

    /** {@return a file beside it with the key in PEM, PKCS8 without a password, written now} */
    public Path key() throws IOException, GeneralSecurityException {
        return pem(
                "key.pem",
                "PRIVATE KEY",
                load().getKey(ALIAS, PASSWORD.toCharArray()).getEncoded());
    }

    private Path pem(String name, String what, byte[] der) throws IOException {
        var text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return Files.writeString(
                file.resolveSibling(name), "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(what, text, what));
    }

    private KeyStore load() throws IOException, GeneralSecurityException {
        return KeyStore.getInstance(file.toFile(), PASSWORD.toCharArray());
    }
}

package dev.baton.netty;

import io.netty.handler.codec.http2.Http2SecurityUtil;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.net.ssl.SSLException;

/**
 * A certificate and its key. They are read when a server starts, so a restart takes renewed files up.
 *
 * @param certificate the chain in PEM, the server's own first
 * @param key the private key in PEM, PKCS#8, without a password
 */
record TlsFiles(Path certificate, Path key) {
    SslContext load() throws IOException {
        for (var file : new Path[] {certificate, key}) {
            if (!Files.isReadable(file)) {
                throw new IOException("cannot serve TLS: " + file.toAbsolutePath()
                        + (Files.exists(file) ? " may not be read by this user" : " does not exist"));
            }
        }
        try {
            return SslContextBuilder.forServer(certificate.toFile(), key.toFile())
                    .sslProvider(SslProvider.JDK)
                    .protocols("TLSv1.3", "TLSv1.2")
                    .ciphers(Http2SecurityUtil.CIPHERS, SupportedCipherSuiteFilter.INSTANCE)
                    .applicationProtocolConfig(new ApplicationProtocolConfig(
                            Protocol.ALPN,
                            SelectorFailureBehavior.NO_ADVERTISE,
                            SelectedListenerFailureBehavior.ACCEPT,
                            ApplicationProtocolNames.HTTP_2,
                            ApplicationProtocolNames.HTTP_1_1))
                    .build();
        } catch (IllegalArgumentException | SSLException e) {
            throw new IOException(
                    "cannot serve TLS with certificate %s and key %s: %s; both must be PEM, the key PKCS#8 without a password (openssl pkcs8 -topk8 -nocrypt)"
                            .formatted(certificate.toAbsolutePath(), key.toAbsolutePath(), e.getMessage()),
                    e);
        }
    }
}

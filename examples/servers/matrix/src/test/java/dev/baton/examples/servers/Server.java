package dev.baton.examples.servers;

import static dev.baton.examples.servers.Program.main;

import dev.baton.load.Keys;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The servers of the matrix, in the order of the table. An artifact in braces stands for the version of its jar. */
@SuppressWarnings("ImmutableEnumChecker") // what makes a program is a constant
enum Server {
    JDK("com.sun.net.httpserver", "JDK", () -> main("embedded", "JdkHttpServer")),
    TOMCAT("Tomcat {tomcat-embed-core}, embedded", "JDK", () -> main("embedded", "TomcatServer")),
    JETTY("Jetty {jetty-server}", "JDK", () -> main("embedded", "JettyServer")),
    JETTY_GRACEFUL("Jetty {jetty-server}, GracefulHandler", "JDK", () -> main("embedded", "JettyGracefulServer")),
    UNDERTOW("Undertow {undertow-core}", "JDK", () -> main("embedded", "UndertowServer")),
    UNDERTOW_GRACEFUL(
            "Undertow {undertow-core}, GracefulShutdownHandler",
            "JDK",
            () -> main("embedded", "UndertowGracefulServer")),
    HELIDON("Helidon SE {helidon-webserver}", "JDK", () -> main("embedded", "HelidonServer")),
    NETTY("Netty {netty-transport}", "JDK", () -> main("embedded", "NettyServer", "nio")),
    NETTY_EPOLL("Netty {netty-transport}", "epoll", () -> main("embedded", "NettyServer", "epoll")),
    NETTY_IO_URING("Netty {netty-transport}", "io_uring", () -> main("embedded", "NettyServer", "io_uring")),
    VERTX("Vert.x {vertx-core}", "JDK", () -> main("vertx", "vertx.VertxServer")),
    VERTX_NATIVE("Vert.x {vertx-core}", "epoll", () -> main("vertx", "vertx.VertxServer", "native")),
    SPRING_BOOT_TOMCAT(
            "Spring Boot {spring-boot}, Tomcat {tomcat-embed-core}", "JDK", () -> Program.springBoot("spring-boot")),
    SPRING_BOOT_JETTY(
            "Spring Boot {spring-boot}, Jetty {jetty-server}", "JDK", () -> Program.springBoot("spring-boot-jetty")),
    SPRING_BOOT_NETTY(
            "Spring Boot {spring-boot}, Reactor Netty {reactor-netty-core}",
            "epoll",
            () -> Program.springBoot("spring-boot-webflux")),
    QUARKUS("Quarkus {quarkus-vertx-http}", "JDK", () -> Program.quarkus("quarkus")),
    MICRONAUT(
            "Micronaut {micronaut-http-server-netty}",
            "JDK",
            () -> Program.mainWithProperty("micronaut", "micronaut.MicronautServer", "micronaut.server.port")),
    JAVALIN("Javalin {javalin}, Jetty {jetty-server}", "JDK", () -> main("javalin", "javalin.JavalinServer")),
    GRPC("gRPC {grpc-netty-shaded}", "epoll", () -> main("grpc", "grpc.GrpcServer"));

    private final String title;
    private final String transport;
    private final Supplier<Program> program;

    Server(String title, String transport, Supplier<Program> program) {
        this.title = title;
        this.transport = transport;
        this.program = program;
    }

    /** {@return its name in the table, with versions} */
    String title() {
        var built = program.get();
        return Pattern.compile("\\{(.+?)}").matcher(title).replaceAll(artifact -> built.version(artifact.group(1)));
    }

    /** {@return who calls the kernel: the JDK, or one of Netty's native transports} */
    String transport() {
        return transport;
    }

    /** {@return whether a restart of it must be refused, since none can be without loss} */
    boolean isRefused() {
        return this == NETTY_IO_URING;
    }

    /** {@return what follows {@code java}} */
    List<String> command(int port) {
        return program.get().command(port);
    }

    /** {@return the same with TLS on that port, and HTTP/2 where it comes with the server} */
    List<String> command(int port, Keys keys) {
        var plain = command(port);
        var file = keys.file().toString();
        return switch (this) {
            case SPRING_BOOT_TOMCAT, SPRING_BOOT_JETTY, SPRING_BOOT_NETTY ->
                with(
                        plain,
                        "--server.ssl.key-store=" + file,
                        "--server.ssl.key-store-password=" + Keys.PASSWORD,
                        "--server.http2.enabled=" + (this != SPRING_BOOT_JETTY));
            case HELIDON -> with(plain, file, Keys.PASSWORD);
            case QUARKUS ->
                before(
                        plain,
                        "-Dquarkus.http.insecure-requests=disabled",
                        "-Dquarkus.http.ssl-port=" + port,
                        "-Dquarkus.http.ssl.certificate.key-store-file=" + file,
                        "-Dquarkus.http.ssl.certificate.key-store-password=" + Keys.PASSWORD);
            case MICRONAUT ->
                before(
                        plain,
                        "-Dmicronaut.server.ssl.enabled=true",
                        "-Dmicronaut.server.ssl.port=" + port,
                        "-Dmicronaut.server.ssl.key-store.path=file:" + file,
                        "-Dmicronaut.server.ssl.key-store.type=PKCS12",
                        "-Dmicronaut.server.ssl.key-store.password=" + Keys.PASSWORD);
            default -> throw new IllegalArgumentException(this + " is not tried with TLS");
        };
    }

    private static List<String> with(List<String> command, String... arguments) {
        return Stream.concat(command.stream(), Stream.of(arguments)).toList();
    }

    private static List<String> before(List<String> command, String... options) {
        return Stream.concat(Stream.of(options), command.stream()).toList();
    }

    /** Begins to load it. */
    Clients clients(InetSocketAddress address) {
        return this == GRPC ? new GrpcClients(address) : new HttpClients(address);
    }
}

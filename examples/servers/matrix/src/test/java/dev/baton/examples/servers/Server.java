package dev.baton.examples.servers;

import static dev.baton.examples.servers.Program.main;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Pattern;

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

    /** Begins to load it. */
    Clients clients(InetSocketAddress address) {
        return this == GRPC ? new GrpcClients(address) : new HttpClients(address);
    }
}

/** The command line. */
module dev.baton.cli {
    requires static org.jspecify;
    requires dev.baton;
    requires dev.baton.netty;
    requires dev.baton.load;
    requires info.picocli;
    requires java.logging;
    requires jdk.httpserver;
    requires tools.jackson.core;
    requires tools.jackson.jr.ob;

    opens dev.baton.cli to
            info.picocli;
}

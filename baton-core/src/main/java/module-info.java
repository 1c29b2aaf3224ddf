/** Listeners, the handover and the control protocol. */
module dev.baton {
    requires org.jspecify; // read at run time: it says which fields of a message may be absent
    requires jdk.unsupported;
    requires tools.jackson.core;
    requires tools.jackson.jr.ob;

    exports dev.baton;
    exports dev.baton.control to
            dev.baton.cli;
    exports dev.baton.handover to
            dev.baton.cli;
    exports dev.baton.jdk to
            dev.baton.cli;
    exports dev.baton.launch to
            dev.baton.cli;
    exports dev.baton.linux to
            dev.baton.cli;
    exports dev.baton.log to
            dev.baton.cli,
            dev.baton.netty;
}

/** A load driver on raw sockets that never retries and classifies every outcome. */
module dev.baton.load {
    requires static org.jspecify;
    requires HdrHistogram;

    exports dev.baton.load;
}

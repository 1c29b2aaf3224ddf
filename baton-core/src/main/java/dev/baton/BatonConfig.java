package dev.baton;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How one application takes part. Immutable; made by {@link #builder}.
 *
 * <p>Times have defaults that suit a JVM, whose start takes seconds and whose requests may take as long.
 */
public final class BatonConfig {
    private static final Duration LONGEST = Duration.ofDays(7);

    /** There where the kernel speaks IPv6. */
    private static final Path IPV6 = Path.of("/proc/net/if_inet6");

    private final Optional<String> name;
    private final Optional<Path> controlSocket;
    private final Optional<SocketAddress> address;
    private final Optional<Path> pidFile;
    private final Optional<Path> environmentFile;
    private final Optional<Path> directory;
    private final Duration shutdownTimeout;
    private final Duration childTimeout;
    private final Duration readyTimeout;
    private final Duration watch;
    private final Duration moveOver;
    private final int backlog;
    private final boolean exits;

    private BatonConfig(Builder b) {
        this.name = b.name;
        this.controlSocket = b.controlSocket;
        this.address = b.address;
        this.pidFile = b.pidFile;
        this.environmentFile = b.environmentFile;
        this.directory = b.directory;
        this.shutdownTimeout = b.shutdownTimeout;
        this.childTimeout = b.childTimeout;
        this.readyTimeout = b.readyTimeout;
        this.watch = b.watch;
        this.moveOver = b.moveOver;
        this.backlog = b.backlog;
        this.exits = b.exits;
    }

    /** {@return a builder in which everything has its default} */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * All defaults, and an address for {@link Baton#serve}.
     *
     * @param address {@code host:port}, {@code [v6]:port}, {@code :port} or {@code *:port} for every interface, or the path
     *     of a Unix-domain socket
     * @return the configuration
     */
    public static BatonConfig at(String address) {
        return builder().address(parseAddress(address)).build();
    }

    /**
     * Reads an address.
     *
     * @param text {@code host:port}, {@code [v6]:port}, {@code :port} or {@code *:port} for every interface, or a path (it
     *     contains a slash) of a Unix-domain socket
     * @return the address, resolved
     * @throws IllegalArgumentException if it is none of these, or the host is not known
     */
    public static SocketAddress parseAddress(String text) {
        if (text.contains("/")) {
            return UnixDomainSocketAddress.of(text);
        }
        var colon = text.lastIndexOf(':');
        var host = colon < 0 ? "" : text.substring(0, colon);
        if (colon < 0 || (host.contains(":") && !(host.startsWith("[") && host.endsWith("]")))) {
            throw new IllegalArgumentException("'" + text
                    + "' is no address: give host:port, [v6]:port, :port, or the path of a Unix-domain socket");
        }
        int port;
        try {
            port = Integer.parseInt(text.substring(colon + 1));
            if (port < 0 || port > 65535) {
                throw new NumberFormatException();
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no address: the port must be a number from 0 to 65535", e);
        }
        try {
            if (host.isEmpty() || host.equals("*")) {
                // Java's wildcard is 0.0.0.0, and here an address is taken at its word; [::] takes IPv4 as well
                // (ipv6(7)).
                return Files.exists(IPV6)
                        ? new InetSocketAddress(InetAddress.getByName("::"), port)
                        : new InetSocketAddress(port);
            }
            return new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("'" + text + "' is no address: the host is not known", e);
        }
    }

    /** {@return the application's name in logs, and the file name of its control socket; by default made from its main class and pid} */
    public Optional<String> name() {
        return name;
    }

    /** {@return the path of the control socket; by default {@code NAME.sock} in the runtime directory} */
    public Optional<Path> controlSocket() {
        return controlSocket;
    }

    /** {@return the address for {@link Baton#serve}} */
    public Optional<SocketAddress> address() {
        return address;
    }

    /** {@return the file that always holds the incumbent's pid; by default none} */
    public Optional<Path> pidFile() {
        return pidFile;
    }

    /** {@return a file with {@code KEY=VALUE} lines, read anew for each successor; by default none} */
    public Optional<Path> environmentFile() {
        return environmentFile;
    }

    /** {@return the directory in which successors start; by default the operator's, a {@code current} link followed anew} */
    public Optional<Path> directory() {
        return directory;
    }

    /** {@return how long what was accepted may take to finish once a successor serves or the process is to stop; 30 s} */
    public Duration shutdownTimeout() {
        return shutdownTimeout;
    }

    /** {@return how long a successor that is not ready may give no sign of life; 60 s, counted anew from each progress} */
    public Duration childTimeout() {
        return childTimeout;
    }

    /** {@return how long a successor may take to become ready, however much progress it tells; 15 min} */
    public Duration readyTimeout() {
        return readyTimeout;
    }

    /** {@return how long a successor is watched before the incumbent lets go for good; 1 s} */
    public Duration watch() {
        return watch;
    }

    /** {@return over how long live connections are spread when they go to the successor; zero, all at once} */
    public Duration moveOver() {
        return moveOver;
    }

    /** {@return how many connections may wait in the kernel for accept; 4096, capped by {@code net.core.somaxconn}} */
    public int backlog() {
        return backlog;
    }

    /** {@return whether Baton ends the JVM when the generation has ended; true} */
    public boolean exits() {
        return exits;
    }

    /** Collects settings. */
    public static final class Builder {
        private Optional<String> name = Optional.empty();
        private Optional<Path> controlSocket = Optional.empty();
        private Optional<SocketAddress> address = Optional.empty();
        private Optional<Path> pidFile = Optional.empty();
        private Optional<Path> environmentFile = Optional.empty();
        private Optional<Path> directory = Optional.empty();
        private Duration shutdownTimeout = Duration.ofSeconds(30);
        private Duration childTimeout = Duration.ofSeconds(60);
        private Duration readyTimeout = Duration.ofMinutes(15);
        private Duration watch = Duration.ofSeconds(1);
        private Duration moveOver = Duration.ZERO;
        private int backlog = 4096;
        private boolean exits = true;

        private Builder() {}

        /**
         * Sets {@link BatonConfig#name}.
         *
         * @param value letters, digits, dot, dash and underscore
         * @return this
         * @throws IllegalArgumentException for anything else
         */
        public Builder name(String value) {
            if (!value.matches("[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")) {
                throw new IllegalArgumentException(
                        "name '" + value + "': use 1 to 64 letters, digits, dots, dashes and underscores");
            }
            name = Optional.of(value);
            return this;
        }

        /**
         * Sets {@link BatonConfig#controlSocket}.
         *
         * @param value the path; its directory must exist and be writable by this user only
         * @return this
         */
        public Builder controlSocket(Path value) {
            controlSocket = Optional.of(value.toAbsolutePath());
            return this;
        }

        /**
         * Sets {@link BatonConfig#address}.
         *
         * @param value the address
         * @return this
         */
        public Builder address(SocketAddress value) {
            address = Optional.of(Objects.requireNonNull(value));
            return this;
        }

        /**
         * Sets {@link BatonConfig#pidFile}.
         *
         * @param value the path
         * @return this
         */
        public Builder pidFile(Path value) {
            pidFile = Optional.of(value.toAbsolutePath());
            return this;
        }

        /**
         * Sets {@link BatonConfig#environmentFile}.
         *
         * @param value the path
         * @return this
         */
        public Builder environmentFile(Path value) {
            environmentFile = Optional.of(value.toAbsolutePath());
            return this;
        }

        /**
         * Sets {@link BatonConfig#directory}.
         *
         * @param value the path; may be a link, which is followed anew for each successor
         * @return this
         */
        public Builder directory(Path value) {
            directory = Optional.of(value.toAbsolutePath());
            return this;
        }

        /**
         * Sets {@link BatonConfig#shutdownTimeout}.
         *
         * @param value from zero (cut at once) to 7 days
         * @return this
         */
        public Builder shutdownTimeout(Duration value) {
            shutdownTimeout = inRange("shutdownTimeout", value, Duration.ZERO);
            return this;
        }

        /**
         * Sets {@link BatonConfig#childTimeout}.
         *
         * @param value from 100 ms to 7 days
         * @return this
         */
        public Builder childTimeout(Duration value) {
            childTimeout = inRange("childTimeout", value, Duration.ofMillis(100));
            return this;
        }

        /**
         * Sets {@link BatonConfig#readyTimeout}.
         *
         * @param value from 100 ms to 7 days
         * @return this
         */
        public Builder readyTimeout(Duration value) {
            readyTimeout = inRange("readyTimeout", value, Duration.ofMillis(100));
            return this;
        }

        /**
         * Sets {@link BatonConfig#moveOver}. It counts against the shutdown time-out: more than that is taken as half of it.
         *
         * @param value from zero to 7 days
         * @return this
         */
        public Builder moveOver(Duration value) {
            moveOver = inRange("moveOver", value, Duration.ZERO);
            return this;
        }

        /**
         * Sets {@link BatonConfig#watch}.
         *
         * @param value from zero (do not watch) to 7 days
         * @return this
         */
        public Builder watch(Duration value) {
            watch = inRange("watch", value, Duration.ZERO);
            return this;
        }

        /**
         * Sets {@link BatonConfig#backlog}.
         *
         * @param value at least 1
         * @return this
         */
        public Builder backlog(int value) {
            if (value < 1) {
                throw new IllegalArgumentException("backlog " + value + ": must be at least 1");
            }
            backlog = value;
            return this;
        }

        /**
         * Sets {@link BatonConfig#exits}.
         *
         * @param value false leaves ending the JVM to the application, see {@link Baton#awaitEnd}
         * @return this
         */
        public Builder exits(boolean value) {
            exits = value;
            return this;
        }

        /** {@return the configuration} */
        public BatonConfig build() {
            return new BatonConfig(this);
        }

        private static Duration inRange(String what, Duration value, Duration least) {
            if (value.compareTo(least) < 0 || value.compareTo(LONGEST) > 0) {
                throw new IllegalArgumentException(what + " " + value + ": must be from " + least + " to " + LONGEST);
            }
            return value;
        }
    }
}

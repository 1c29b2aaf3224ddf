package dev.baton.load;

import java.time.Duration;

/** What one group of clients does. */
sealed interface Traffic {
    Mode mode();

    /** How many clients; each has its own schedule. */
    int clients();

    /** The mean gap in the schedule of one client. */
    Duration gap();

    /** How long a request takes by intention, beyond what the limit allows. */
    default Duration slowness() {
        return Duration.ZERO;
    }

    /** How many requests go out in one write. */
    default int atOnce() {
        return 1;
    }

    record New(Duration gap) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.NEW;
        }

        @Override
        public int clients() {
            return 1;
        }
    }

    record KeepAlive(int clients, Duration gap) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.KEEP_ALIVE;
        }
    }

    record Pipeline(int clients, Duration gap, int atOnce) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.PIPELINE;
        }
    }

    record Slow(int clients, Duration gap, Duration slowness) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.SLOW;
        }
    }

    record Upload(int clients, Duration gap, int bytes, Duration slowness) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.UPLOAD;
        }
    }

    record Big(int clients, Duration gap, int kib, Duration slowness) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.BIG;
        }
    }

    record Echo(int clients, Duration gap) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.ECHO;
        }
    }

    record Idle(int clients, Duration gap) implements Traffic {
        @Override
        public Mode mode() {
            return Mode.IDLE;
        }
    }
}

package dev.baton;

/**
 * Where one generation stands, as it sees itself.
 *
 * <pre>
 *   PREPARING ──ready()──▶ SERVING ──restart──▶ HANDING_OVER ──committed──▶ DRAINING ──▶ ENDED
 *                             ▲                      │
 *                             └──── successor failed ┘
 *   SERVING ──SIGTERM──▶ DRAINING
 * </pre>
 */
public enum State {
    /** Joined; takes its listeners and warms up. It has not said that it is ready. */
    PREPARING,
    /** The incumbent: accepts connections and is entitled to the baton. */
    SERVING,
    /** Still the incumbent, and conducting the handover to a successor that was started. */
    HANDING_OVER,
    /** Takes nothing new; finishes what it accepted. */
    DRAINING,
    /** Everything is finished or cut; the process may exit. */
    ENDED
}

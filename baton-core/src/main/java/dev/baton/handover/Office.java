package dev.baton.handover;

/**
 * What belongs to the incumbent alone, and passes with the commitment: the path of the control socket, the pid file and
 * the baton. Called on the loop's thread; none of the methods blocks or fails, what goes wrong is logged.
 */
public interface Office {
    /** Takes all of it. */
    void take();

    /**
     * Lets go of it, for the successor.
     *
     * @param restartPending whether the successor is to be restarted in its turn
     */
    void passOn(boolean restartPending);

    /**
     * The generation has finished.
     *
     * @param succeeded whether a successor serves; if not, what belongs to the office is removed
     */
    void leave(boolean succeeded);

    /** A handover was called off; the incumbent, if it lives, serves on. */
    default void calledOff() {}

    /** The handover may stand elsewhere than before. */
    default void moved() {}
}

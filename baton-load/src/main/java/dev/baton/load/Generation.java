package dev.baton.load;

import java.time.Duration;

/**
 * A generation of the server, as its answers showed it. Answers without {@code X-Generation} and {@code X-Pid} are not
 * counted here.
 *
 * @param number {@code X-Generation}
 * @param pid {@code X-Pid}
 * @param first when its first answer was complete, since the start of the load
 * @param last when its latest answer was complete, since the start of the load
 * @param answers how many answers it gave
 */
public record Generation(long number, long pid, Duration first, Duration last, long answers) {}

/**
 * The agent: lets any JVM server take part unmodified. {@code Premain} and {@code Isolated} are all that the application could
 * see; everything else is loaded in isolation.
 */
@NullMarked
package dev.baton.agent;

import org.jspecify.annotations.NullMarked;

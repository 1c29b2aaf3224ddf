/** Restart a JVM server without its clients noticing. */
@NullMarked
package dev.baton;

import org.jspecify.annotations.NullMarked;

/** The one room that knows what the JDK keeps to itself: descriptors as channels, and signals. */
@NullMarked
package dev.baton.jdk;

import org.jspecify.annotations.NullMarked;

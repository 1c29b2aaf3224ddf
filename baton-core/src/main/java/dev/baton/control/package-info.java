/** The control protocol: what generations, and those who ask them for something, say to each other. */
@NullMarked
package dev.baton.control;

import org.jspecify.annotations.NullMarked;

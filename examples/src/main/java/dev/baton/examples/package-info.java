/** Small programs, each showing one way to take part. */
@NullMarked
package dev.baton.examples;

import org.jspecify.annotations.NullMarked;

/** The Linux room against the real kernel. */
@NullMarked
package dev.baton;

import org.jspecify.annotations.NullMarked;

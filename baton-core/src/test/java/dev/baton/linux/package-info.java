/** The Linux room against the real kernel. */
@NullMarked
package dev.baton.linux;

import org.jspecify.annotations.NullMarked;

/**
 * Servers that know nothing of Baton, small and plain, as their own documentation writes them. {@code GET /} says hello,
 * {@code GET /slow?ms=2000} takes its time first.
 */
@NullMarked
package dev.baton.examples.servers;

import org.jspecify.annotations.NullMarked;

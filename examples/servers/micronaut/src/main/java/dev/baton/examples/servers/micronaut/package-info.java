/** Micronaut, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.micronaut;

import org.jspecify.annotations.NullMarked;

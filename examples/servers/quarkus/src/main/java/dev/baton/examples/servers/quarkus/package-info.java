/** Quarkus, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.quarkus;

import org.jspecify.annotations.NullMarked;

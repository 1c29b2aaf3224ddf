/** Vert.x, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.vertx;

import org.jspecify.annotations.NullMarked;

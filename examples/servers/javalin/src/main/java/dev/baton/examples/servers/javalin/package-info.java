/** Javalin, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.javalin;

import org.jspecify.annotations.NullMarked;

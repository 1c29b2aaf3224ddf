/** Spring WebFlux, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.webflux;

import org.jspecify.annotations.NullMarked;

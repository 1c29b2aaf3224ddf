/** A load driver on raw sockets that never retries and classifies every outcome. */
@NullMarked
package dev.baton.load;

import org.jspecify.annotations.NullMarked;

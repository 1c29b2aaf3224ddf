/** What Baton says to its operator. Used by all other rooms, and uses none. */
@NullMarked
package dev.baton.log;

import org.jspecify.annotations.NullMarked;

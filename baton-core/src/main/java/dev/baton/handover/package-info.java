/** The handover as two pure state machines: the incumbent's side that conducts it and the successor's side. */
@NullMarked
package dev.baton.handover;

import org.jspecify.annotations.NullMarked;

@NullMarked
package dev.baton.handover;

import org.jspecify.annotations.NullMarked;

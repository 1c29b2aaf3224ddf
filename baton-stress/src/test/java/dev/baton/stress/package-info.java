/**
 * What several threads do at once: every outcome that is seen must be one that is allowed. Two actors each, since jcstress
 * leaves out what has more actors than the machine has processors.
 */
@NullMarked
package dev.baton.stress;

import org.jspecify.annotations.NullMarked;

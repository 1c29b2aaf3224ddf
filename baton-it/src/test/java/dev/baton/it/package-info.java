/** Rules of the whole house, and tests with real processes. */
@NullMarked
package dev.baton.it;

import org.jspecify.annotations.NullMarked;

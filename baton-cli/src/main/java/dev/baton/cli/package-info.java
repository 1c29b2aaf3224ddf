/** The command line. */
@NullMarked
package dev.baton.cli;

import org.jspecify.annotations.NullMarked;

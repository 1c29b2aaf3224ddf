/** The matrix: each of the servers beside this module, restarted under load as the program it is. */
@NullMarked
package dev.baton.examples.servers;

import org.jspecify.annotations.NullMarked;

/** Restarts Baton and other servers under the same load, and tells what their clients saw. */
@NullMarked
package dev.baton.benchmarks;

import org.jspecify.annotations.NullMarked;

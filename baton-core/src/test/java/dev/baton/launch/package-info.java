@NullMarked
package dev.baton.launch;

import org.jspecify.annotations.NullMarked;

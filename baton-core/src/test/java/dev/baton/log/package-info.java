@NullMarked
package dev.baton.log;

import org.jspecify.annotations.NullMarked;

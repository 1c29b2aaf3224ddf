@NullMarked
package dev.baton.jdk;

import org.jspecify.annotations.NullMarked;

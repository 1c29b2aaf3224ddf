/** What to start, and the files an operator looks at: command line, directory, environment, pid file, /proc. */
@NullMarked
package dev.baton.launch;

import org.jspecify.annotations.NullMarked;

/** Tests of the agent, with real JVMs. */
@NullMarked
package dev.baton.agent;

import org.jspecify.annotations.NullMarked;

/** Tests of the agent, with real JVMs. */
@NullMarked
package dev.baton.agent.it;

import org.jspecify.annotations.NullMarked;

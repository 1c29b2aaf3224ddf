/** Tests of the agent and of what it puts into java.base. */
@NullMarked
package dev.baton.agent;

import org.jspecify.annotations.NullMarked;

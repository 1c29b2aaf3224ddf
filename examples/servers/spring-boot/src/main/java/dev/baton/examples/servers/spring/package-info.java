/** Spring Boot, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.spring;

import org.jspecify.annotations.NullMarked;

/** gRPC, knowing nothing of Baton. */
@NullMarked
package dev.baton.examples.servers.grpc;

import org.jspecify.annotations.NullMarked;

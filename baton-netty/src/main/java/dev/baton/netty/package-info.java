/** An HTTP/1.1, HTTP/2 and WebSocket server on Netty that hands over without loss. */
@NullMarked
package dev.baton.netty;

import org.jspecify.annotations.NullMarked;

/** The gRPC doors: Unix sockets and mTLS, what they let in, and the words of the wire contract. */
@NullMarked
package io.exeat.gateway.grpc;

import org.jspecify.annotations.NullMarked;

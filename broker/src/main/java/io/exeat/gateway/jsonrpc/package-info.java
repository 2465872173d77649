/** JSON-RPC 2.0 as a gate must read it: strictly, and forwarded as it was read. */
@NullMarked
package io.exeat.gateway.jsonrpc;

import org.jspecify.annotations.NullMarked;

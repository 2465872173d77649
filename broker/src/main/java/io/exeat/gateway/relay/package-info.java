/** The relayed form: the same calls, forwarded with the agent's own SVID to a broker elsewhere. */
@NullMarked
package io.exeat.gateway.relay;

import org.jspecify.annotations.NullMarked;

/** Envoy's external authorization: Envoy asks here before it sends an agent's request on. */
@NullMarked
package io.exeat.gateway.extauthz;

import org.jspecify.annotations.NullMarked;

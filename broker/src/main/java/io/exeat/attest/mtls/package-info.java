/** Agents that bring their own X.509-SVID. */
@NullMarked
package io.exeat.attest.mtls;

import org.jspecify.annotations.NullMarked;

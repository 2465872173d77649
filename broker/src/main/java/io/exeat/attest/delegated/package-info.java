/** Processes by PID through SPIRE's Delegated Identity API, where there is no Broker API. */
@NullMarked
package io.exeat.attest.delegated;

import org.jspecify.annotations.NullMarked;

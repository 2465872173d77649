/** Processes by PID through the SPIFFE Broker API. */
@NullMarked
package io.exeat.attest.brokerapi;

import org.jspecify.annotations.NullMarked;

/** The one agent of a pod, whose identity the broker's own attestation gives. */
@NullMarked
package io.exeat.attest.workloadapi;

import org.jspecify.annotations.NullMarked;

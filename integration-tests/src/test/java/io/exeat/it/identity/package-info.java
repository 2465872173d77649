/** The contracts of identity and attestation, against a real SPIRE. */
@NullMarked
package io.exeat.it.identity;

import org.jspecify.annotations.NullMarked;

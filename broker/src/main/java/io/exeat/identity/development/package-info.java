/**
 * A SPIFFE issuer in one object, for the demo and the tests: no attestation worth the name, keys in
 * memory.
 */
@NullMarked
package io.exeat.identity.development;

import org.jspecify.annotations.NullMarked;

/**
 * Who is calling: from the evidence of a peer to an attested agent, and whether it is still there.
 */
@NullMarked
package io.exeat.attest;

import org.jspecify.annotations.NullMarked;

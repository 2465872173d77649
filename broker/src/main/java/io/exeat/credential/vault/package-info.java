/**
 * The exchange with OpenBao or HashiCorp Vault: its session, its tokens and leases, and how it is
 * set up.
 */
@NullMarked
package io.exeat.credential.vault;

import org.jspecify.annotations.NullMarked;

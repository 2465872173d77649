/** Looking at certificates: whether they are on their issuer's revocation list. */
@NullMarked
package io.exeat.revoke.pki;

import org.jspecify.annotations.NullMarked;

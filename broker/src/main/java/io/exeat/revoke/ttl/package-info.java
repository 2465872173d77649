/** Waiting for the end of what nobody can take back. */
@NullMarked
package io.exeat.revoke.ttl;

import org.jspecify.annotations.NullMarked;

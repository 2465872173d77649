/** Closing and looking at PostgreSQL, by the functions of {@code deploy/postgres/prepare.sql}. */
@NullMarked
package io.exeat.revoke.postgres;

import org.jspecify.annotations.NullMarked;

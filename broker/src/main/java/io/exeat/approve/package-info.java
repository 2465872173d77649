/** Asking a person when policy says so: one answer for one exact call. */
@NullMarked
package io.exeat.approve;

import org.jspecify.annotations.NullMarked;

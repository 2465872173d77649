/** The policy that adds nothing to the ceiling. */
@NullMarked
package io.exeat.policy.ceiling;

import org.jspecify.annotations.NullMarked;

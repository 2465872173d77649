/** Taking it back: every lease ends here, and is seen dead at its target. */
@NullMarked
package io.exeat.revoke;

import org.jspecify.annotations.NullMarked;

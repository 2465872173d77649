/**
 * Looks at a broker from outside and says what does not hold: with its own eyes and its own
 * identities, and without a line of the broker's code.
 */
@NullMarked
package io.exeat.it.checker;

import org.jspecify.annotations.NullMarked;

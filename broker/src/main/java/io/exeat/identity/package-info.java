/** Who the broker is: its SVID and the trust bundles, rotating underneath. */
@NullMarked
package io.exeat.identity;

import org.jspecify.annotations.NullMarked;

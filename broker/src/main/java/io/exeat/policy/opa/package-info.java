/** An OPA server over REST: the other engine. */
@NullMarked
package io.exeat.policy.opa;

import org.jspecify.annotations.NullMarked;

/** Cedar in this process, through cedar-java: the default engine. */
@NullMarked
package io.exeat.policy.cedar;

import org.jspecify.annotations.NullMarked;

/**
 * The policy that adds nothing: what the task's scope holds, and the agent's entry still allows.
 */
@NullMarked
package io.exeat.policy.ceiling;

import org.jspecify.annotations.NullMarked;

package io.exeat.flow;

import io.exeat.base.Epoch;
import io.exeat.policy.History;

/**
 * How a task stands: what of it decisions go by, to be compared with how it stood before.
 *
 * @param epoch the open one, or the coming one
 * @param isOpen whether anything may be asked for under it now
 * @param history what the task did, with all that have one memory with it
 */
public record Standing(Epoch epoch, boolean isOpen, History history) {}

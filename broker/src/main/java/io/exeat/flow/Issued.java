package io.exeat.flow;

import io.exeat.base.SecretBytes;
import io.exeat.credential.Held;
import io.exeat.task.Target;

/**
 * A credential on its way to the agent.
 *
 * @param secret lent: it stays the broker's, for a repeated call, and is zeroed when the epoch ends
 */
public record Issued(Held credential, Target target, SecretBytes secret) {}

package io.exeat.approve;

import java.time.Instant;

/**
 * One person's yes.
 *
 * @param as the word that policy asked for: {@code owner}, {@code operator}
 * @param by who it was: a SPIFFE ID, or {@code uid <n>}
 * @param validUntil when it is void unless it was used
 */
public record Approval(String as, String by, Instant at, Instant validUntil) {}

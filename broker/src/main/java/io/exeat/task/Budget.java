package io.exeat.task;

/**
 * How much one agent may have and ask for at a time; or all agents together of one grant.
 *
 * @param openTasks tasks that are not ended
 * @param liveCredentials credentials that are not proven dead
 * @param issuesPerMinute of an agent: credentials asked for and tasks opened, as each makes
 *     something in Vault; of a grant: credentials asked for. So many may come at once after a
 *     minute's rest
 */
public record Budget(int openTasks, int liveCredentials, int issuesPerMinute) {
  /** What an agent has unless its entry says otherwise. */
  public static final Budget OF_AN_AGENT = new Budget(100, 200, 600);

  /** What a grant has unless its entry says otherwise. */
  public static final Budget OF_A_GRANT = new Budget(10_000, 2_000, 6_000);
}

package io.exeat.task;

/** What kind of leave an agent's tasks are; each is a set of policies that ships with Exeat. */
public enum Tier {
  /** Reads only: narrower, and may last longer. */
  READ_ONLY,
  STANDARD,
  /** Works on regulated data: approved, short, nothing leaves after it was read. */
  REGULATED,
  /** Works on production: approved, short, nothing leaves after data was read. */
  PRODUCTION,
  /** Plans and hands on: holds no data. */
  PLANNER
}

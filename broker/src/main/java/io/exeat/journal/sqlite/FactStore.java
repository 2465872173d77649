package io.exeat.journal.sqlite;

import java.util.List;

/** Where facts are durable. Owned by one thread. */
interface FactStore extends AutoCloseable {
  /**
   * Writes all of {@code lines} or none; durable on return.
   *
   * @throws Full when there is no room; nothing is written, and it can be tried again
   * @throws Broken when it cannot be told what is on the disk; to be used no more
   */
  void write(List<Line> lines) throws Full, Broken;

  @Override
  void close();

  /**
   * A fact to be written.
   *
   * @param subject the epoch or session that it is about: all of its facts go when it is settled
   */
  record Line(String subject, Fact fact) {}

  /** No room on the disk. */
  final class Full extends Exception {
    private static final long serialVersionUID = 1L;

    Full(Throwable cause) {
      super("the disk is full", cause);
    }
  }

  /** The disk failed. */
  final class Broken extends Exception {
    private static final long serialVersionUID = 1L;

    Broken(String what, Throwable cause) {
      super(what, cause);
    }
  }
}

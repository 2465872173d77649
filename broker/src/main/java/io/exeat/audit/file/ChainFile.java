package io.exeat.audit.file;

import java.io.IOException;
import java.util.List;

/** Where a batch of lines becomes durable. Owned by one thread. */
interface ChainFile extends AutoCloseable {
  /**
   * Appends {@code lines}; durable on return.
   *
   * @param firstSeq the position of the first of them
   * @throws Full when there is no room; none of them is there then, and it can be tried again
   * @throws IOException when it cannot be told what is on the disk; to be used no more
   */
  void append(long firstSeq, List<byte[]> lines) throws Full, IOException;

  @Override
  void close();

  /** No room on the disk. */
  final class Full extends Exception {
    private static final long serialVersionUID = 1L;

    Full(Throwable cause) {
      super("the disk is full", cause);
    }
  }
}

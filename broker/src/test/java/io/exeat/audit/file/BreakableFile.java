package io.exeat.audit.file;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Passes on to the real file until it is told to fail. */
final class BreakableFile implements ChainFile {
  private final ChainFile real;
  private volatile boolean broken;
  private volatile int room = Integer.MAX_VALUE;
  private volatile int appends;
  private volatile boolean defective;
  private volatile CountDownLatch going = new CountDownLatch(0);

  BreakableFile(ChainFile real) {
    this.real = real;
  }

  /** As when fsync fails. */
  void breakDown() {
    broken = true;
  }

  /** As on a disk with room for so many lines only. */
  synchronized void leaveRoomFor(int lines) {
    room = lines;
  }

  /** As a disk that does not answer, until the latch is open. */
  CountDownLatch hang() {
    going = new CountDownLatch(1);
    return going;
  }

  /** The disk answers again, and has room. */
  void leaveRoomFor(int lines, CountDownLatch go) {
    room = lines;
    go.countDown();
  }

  /** As a defect of ours, once. */
  void failOnce() {
    defective = true;
  }

  int appends() {
    return appends;
  }

  @Override
  public synchronized void append(long firstSeq, List<byte[]> lines) throws Full, IOException {
    try {
      going.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    if (defective) {
      defective = false;
      throw new IllegalStateException("a defect");
    }
    if (broken) {
      throw new IOException("EIO");
    }
    if (lines.size() > room) {
      throw new Full(new IOException("ENOSPC"));
    }
    room = room - lines.size();
    appends = appends + 1;
    real.append(firstSeq, lines);
  }

  @Override
  public void close() {
    real.close();
  }
}

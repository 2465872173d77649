package io.exeat.journal.sqlite;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Semaphore;

/** Passes on to the real store until it is told to fail, and tells how it was used. */
final class BreakableStore implements FactStore {
  private final FactStore real;
  private volatile boolean broken;
  private volatile boolean full;
  private volatile int roomForEndings;
  private volatile int commits;
  private final Semaphore gate = new Semaphore(1);

  BreakableStore(FactStore real) {
    this.real = real;
  }

  /** As when fsync fails. */
  void breakDown() {
    broken = true;
  }

  /** As when the disk is full; with room for so many commits once the reserve is given up. */
  void fill(int commitsInReserve) {
    full = true;
    roomForEndings = commitsInReserve;
  }

  void makeRoom() {
    full = false;
  }

  /** As a slow disk: nothing is written until {@link #letGo}. */
  void hold() {
    gate.acquireUninterruptibly();
  }

  void letGo() {
    gate.release();
  }

  int commits() {
    return commits;
  }

  @Override
  public synchronized void write(List<Line> lines) throws Full, Broken {
    gate.acquireUninterruptibly();
    gate.release();
    if (broken) {
      throw new Broken("broken by the test", new IOException("EIO"));
    }
    boolean fits = !full || (lines.stream().noneMatch(l -> l.fact().adds()) && roomForEndings > 0);
    if (!fits) {
      throw new Full(new IOException("ENOSPC"));
    }
    if (full) {
      roomForEndings--;
    }
    commits++;
    real.write(lines);
  }

  @Override
  public void close() {
    real.close();
  }
}

package io.exeat.gateway.mcp.stdio;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A running server: lines in, lines out, and what it says on standard error for the log. */
final class ServerProcess implements AutoCloseable {
  private static final int LONGEST_LINE = 8 << 20;
  private static final int LONGEST_WORD = 1 << 10;
  private static final int MOST_UNHEARD = 16;
  private static final Duration STOP_WITHIN = Duration.ofSeconds(3);
  private static final Duration HEAR_WITHIN = Duration.ofSeconds(10);

  private final RunAs user;
  private final Programs programs;
  private final PrivateFolder folder;
  private final Process process;
  private final BlockingQueue<byte[]> unheard = new ArrayBlockingQueue<>(MOST_UNHEARD);
  private boolean ended;

  private ServerProcess(RunAs user, Programs programs, PrivateFolder folder, Process process) {
    this.user = user;
    this.programs = programs;
    this.folder = folder;
    this.process = process;
  }

  /** Hears what a server says. */
  interface Heard {
    /** A line of standard output, without its end. */
    void line(byte[] line);

    /** Something for the log: standard error, and lines that were dropped. */
    void noise(String words);

    /** It has ended by itself; nothing is heard any more. */
    void over(int code);
  }

  /**
   * Starts one in a process group of its own.
   *
   * @throws IOException when it cannot be started; then nothing of it is left
   */
  static ServerProcess start(
      RunAs user, Programs programs, PrivateFolder folder, Launch launch, Heard heard)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("setsid", "--"));
    command.addAll(user.command(launch.words()));
    Process process = programs.start(command, launch.environment());
    ServerProcess server = new ServerProcess(user, programs, folder, process);
    Thread.ofVirtual().name("mcp-server-in").start(server::write);
    Thread.ofVirtual().name("mcp-server-err").start(() -> server.listen(heard));
    Thread.ofVirtual().name("mcp-server-out").start(() -> server.read(heard));
    return server;
  }

  private void read(Heard heard) {
    try (InputStream out = new BufferedInputStream(process.getInputStream())) {
      each(
          out, LONGEST_LINE, heard::line, () -> heard.noise("a line that is too long was dropped"));
    } catch (IOException e) {
      // It has ended.
    }
    heard.over(exitCode());
  }

  private void listen(Heard heard) {
    try (InputStream err = new BufferedInputStream(process.getErrorStream())) {
      Consumer<byte[]> said = line -> heard.noise(new String(line, StandardCharsets.UTF_8));
      each(err, LONGEST_WORD, said, () -> {});
    } catch (IOException e) {
      // It has ended.
    }
  }

  /** Lines of up to {@code longest} bytes; of a longer one nothing but {@code tooLong}. */
  static void each(InputStream in, int longest, Consumer<byte[]> line, Runnable tooLong)
      throws IOException {
    ByteArrayOutputStream held = new ByteArrayOutputStream();
    boolean dropping = false;
    for (int next = in.read(); next >= 0; next = in.read()) {
      if (next == '\n') {
        if (!dropping && held.size() > 0) {
          line.accept(held.toByteArray());
        }
        held.reset();
        dropping = false;
      } else if (!dropping && held.size() == longest) {
        dropping = true;
        held = new ByteArrayOutputStream();
        tooLong.run();
      } else if (!dropping) {
        held.write(next);
      }
    }
  }

  private int exitCode() {
    try {
      return process.waitFor(STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS)
          ? process.exitValue()
          : -1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return -1;
    }
  }

  /** Until its end, which also ends a write that it does not read. */
  private void write() {
    try (OutputStream in = process.getOutputStream()) {
      while (process.isAlive()) {
        byte[] line = unheard.poll(1, TimeUnit.SECONDS);
        if (line != null) {
          in.write(line);
          in.write('\n');
          in.flush();
        }
      }
    } catch (IOException e) {
      // It has ended, or does not listen any more.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Says one line to it.
   *
   * @param line without an end of line
   * @throws IOException when it has ended, or has not heard what was said before for too long
   */
  void say(byte[] line) throws IOException {
    try {
      if (!process.isAlive()
          || !unheard.offer(line, HEAR_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new IOException("the server does not listen");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /**
   * Ends it with all that it started: its input ends, TERM, and KILL after a while, each as its own
   * user to its own process group and to its descendants that left that. Its folder is gone when
   * this returns. Idempotent.
   */
  @Override
  public void close() {
    synchronized (folder) {
      if (ended) {
        return;
      }
      ended = true;
    }
    Set<ProcessHandle> strays = new HashSet<>();
    try {
      signal("TERM", strays);
      var _ = process.waitFor(STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    signal("KILL", strays); // also what it left behind in its group
    folder.close();
  }

  /**
   * @param strays its descendants, of which the kernel tells only while their parents live
   */
  private void signal(String name, Set<ProcessHandle> strays) {
    process.descendants().forEach(strays::add);
    List<String> words = new ArrayList<>(List.of("kill", "-s", name, "--", "-" + process.pid()));
    strays.stream()
        .filter(ProcessHandle::isAlive) // and not another that has its number now
        .forEach(stray -> words.add(Long.toString(stray.pid())));
    try {
      var _ = programs.run(user.command(words), new byte[0]);
    } catch (IllegalStateException e) {
      // Nobody is left in its group, or one of them ended meanwhile.
    }
  }
}

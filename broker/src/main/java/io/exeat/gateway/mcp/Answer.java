package io.exeat.gateway.mcp;

import java.io.IOException;
import java.util.Optional;

/** A tool server's answer as it comes. */
public interface Answer extends AutoCloseable {
  /** As HTTP has it. */
  int status();

  /** The session that it begins; only with the answer to {@code initialize}. */
  Optional<String> session();

  /** Whether it comes as {@link #next events}; otherwise it is {@link #whole}. */
  boolean isStream();

  /**
   * The whole of it, JSON or nothing; waits for it.
   *
   * @throws IOException when it breaks off, is too large, or {@link #close} was called
   */
  byte[] whole() throws IOException;

  /**
   * The next event; empty when there are no more. Waits for it as long as the stream stands.
   *
   * @throws IOException when it breaks off, an event is too large, or {@link #close} was called
   */
  Optional<Event> next() throws IOException;

  /**
   * Nobody wants more of it: the server is told as its transport has it, and whoever waits in
   * {@link #next} or {@link #whole} gets an exception. By any thread, any number of times.
   */
  @Override
  void close();
}

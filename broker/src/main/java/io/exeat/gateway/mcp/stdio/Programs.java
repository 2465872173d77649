package io.exeat.gateway.mcp.stdio;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Starts programs, all from one thread: the kernel ends a child with the thread that started it
 * ({@code PR_SET_PDEATHSIG}), and this one lasts as long as the broker. So a server does not
 * outlive a broker that was killed.
 */
final class Programs implements AutoCloseable {
  /** Of what we start: nothing of the broker's own environment is in it. */
  static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private static final long HELPER_SECONDS = 10;

  private final ExecutorService starter =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("mcp-starter").factory());

  /**
   * Starts one, with this environment and no other.
   *
   * @throws IOException when there is no such program, or it may not be run; or after {@link
   *     #close}
   */
  Process start(List<String> command, Map<String, String> environment) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().put("PATH", PATH);
    builder.environment().putAll(environment);
    Future<Process> started;
    try {
      started = starter.submit(builder::start);
    } catch (RejectedExecutionException e) {
      throw new IOException(command.getFirst() + " is not started any more: the broker stops", e);
    }
    try {
      return started.get(HELPER_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException because) {
        throw because;
      }
      throw new IOException(command.getFirst() + " was not started", e.getCause());
    } catch (TimeoutException e) {
      throw new IOException(command.getFirst() + " was not started in time", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /**
   * Runs a short one to its end.
   *
   * @return what it said
   * @throws IllegalStateException when it fails; its message has what it said, never {@code input}
   */
  String run(List<String> command, byte[] input) {
    try {
      Process process = start(command, Map.of());
      try (OutputStream in = process.getOutputStream()) {
        in.write(input);
      } catch (IOException e) {
        // It has ended already; its exit code says why.
      }
      if (!process.waitFor(HELPER_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException(command.getFirst() + " did not end in time");
      }
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.exitValue() != 0) {
        String why = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        throw new IllegalStateException(command.getFirst() + ": " + why.strip());
      }
      return said;
    } catch (IOException e) {
      throw new IllegalStateException(command.getFirst() + " cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** A user's number by {@code id}, which asks whatever the machine keeps its users in. */
  int id(String which, String name) {
    List<String> command = new ArrayList<>(List.of("id", which));
    if (!name.isEmpty()) {
      command.addAll(List.of("--", name));
    }
    return Integer.parseInt(run(command, new byte[0]).strip());
  }

  /** Ends what still runs, too: see the class. */
  @Override
  public void close() {
    starter.shutdownNow();
  }
}

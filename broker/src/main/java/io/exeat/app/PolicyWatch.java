package io.exeat.app;

import io.exeat.audit.AuditEvent;
import io.exeat.base.Health;
import io.exeat.base.Time;
import io.exeat.flow.Status;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngine;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.cedar.CedarEngine;
import io.exeat.policy.opa.OpaEngine;
import io.exeat.policy.opa.Served;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine that the configuration names, with the policies as their files say now. It comes up
 * beside the rest of the broker: a question that comes before that waits for it, bounded.
 */
final class PolicyWatch implements PolicyEngine, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PolicyWatch.class);
  private static final Duration FIRST = Duration.ofSeconds(5);

  private final Engine engine;
  private final CountDownLatch first = new CountDownLatch(1);
  private final Time time;
  private final Reads reads;
  private String seen = "";
  private Consumer<AuditEvent> told = event -> {};
  private Optional<AuditEvent> last = Optional.empty();
  private volatile OptionalLong takenIn = OptionalLong.empty();

  /** An engine and how it takes in what changed. */
  private interface Engine extends AutoCloseable {
    PolicyEngine decides();

    /** The hash of the policies in force; empty when there are none. */
    String sha256();

    /** Called by one thread at a time. */
    void look();

    @Override
    default void close() {}
  }

  /** {@link PolicyFiles#read}. */
  interface Reads {
    PolicyFiles of(Path folder) throws IOException, BadPolicy;
  }

  PolicyWatch(PolicyConfig config, Time time) {
    this(config, time, PolicyFiles::read);
  }

  PolicyWatch(PolicyConfig config, Time time, Reads reads) {
    this.time = time;
    this.reads = reads;
    this.engine =
        switch (config) {
          case PolicyConfig.Cedar cedar ->
              cedar(cedar.folder(), new CedarEngine(cedar.within(), time));
          case PolicyConfig.Opa opa -> opa(opa.address(), new OpaEngine(opa, time));
        };
    Thread.ofPlatform().daemon().name("exeat-policy").start(this::begin);
  }

  private void begin() {
    try {
      look();
    } catch (RuntimeException | LinkageError e) {
      LOG.error("The policy engine does not come up: everything is denied", e);
    } finally {
      first.countDown();
    }
  }

  /** Tells {@code to} what is taken and what is refused from now on, and the last of it at once. */
  void tell(Consumer<AuditEvent> to) {
    synchronized (first) {
      told = to;
      last.ifPresent(to);
    }
  }

  private void happened(AuditEvent event) {
    last = Optional.of(event);
    told.accept(event);
  }

  /** Takes in what changed. */
  void look() {
    synchronized (first) {
      engine.look();
    }
  }

  @Override
  public Decision decide(Question question) {
    return notYet().orElseGet(() -> engine.decides().decide(question));
  }

  @Override
  public Decision foresee(Question question) {
    return notYet().orElseGet(() -> engine.decides().foresee(question));
  }

  private Optional<Decision> notYet() {
    try {
      if (first.getCount() > 0 && !first.await(FIRST.toNanos(), TimeUnit.NANOSECONDS)) {
        return Optional.of(new Decision.Failed("the policy engine is still starting", ""));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.of(new Decision.Failed("interrupted", ""));
    }
    return Optional.empty();
  }

  /** Since policies were last taken in; empty where that is another's affair. */
  Optional<Duration> age() {
    OptionalLong at = takenIn;
    return at.isPresent() ? Optional.of(time.since(at.getAsLong())) : Optional.empty();
  }

  /** The hash that every decision names now; empty when no policies are in force. */
  Optional<String> sha256() {
    return Optional.of(engine.sha256()).filter(it -> !it.isEmpty());
  }

  /** What operators compare. */
  Status.Policy status() {
    Optional<Duration> age = age();
    boolean answers = health().available();
    // Of OPA's what it said last is not in force while it does not answer.
    String sha256 = age.isPresent() || answers ? engine.sha256() : "";
    return new Status.Policy(sha256, age, age.isPresent() && !answers);
  }

  @Override
  public boolean isHere() {
    return first.getCount() == 0 && engine.decides().isHere();
  }

  @Override
  public Health health() {
    return engine.decides().health();
  }

  @Override
  public void close() {
    engine.close();
  }

  private Engine opa(URI address, OpaEngine opa) {
    return new Engine() {
      @Override
      public PolicyEngine decides() {
        return opa;
      }

      @Override
      public String sha256() {
        return opa.served().sha256();
      }

      @Override
      public void look() {
        opa.look();
        Served now = opa.served();
        if (!now.sha256().equals(seen)) {
          seen = now.sha256();
          String source =
              now.bundles().isEmpty() ? address.toString() : address + ", " + now.bundles();
          LOG.info("Policies in force as of now: {} of the OPA server at {}", seen, source);
          happened(new AuditEvent.PolicyTaken(seen, source));
        }
      }

      @Override
      public void close() {
        opa.close();
      }
    };
  }

  private Engine cedar(Optional<Path> folder, CedarEngine cedar) {
    return new Engine() {
      @Override
      public PolicyEngine decides() {
        return cedar;
      }

      @Override
      public String sha256() {
        return cedar.sha256();
      }

      @Override
      public void look() {
        String now = folder.map(PolicyWatch::stamp).orElse("shipped");
        if (now.equals(seen)) {
          return;
        }
        seen = now;
        long begun = System.nanoTime();
        try {
          PolicyFiles files = folder.isPresent() ? reads.of(folder.get()) : PolicyFiles.shipped();
          String sha256 = cedar.load(files);
          takenIn = OptionalLong.of(time.after(Duration.ZERO));
          LOG.info(
              "Policies in force as of now: {} from {}, read and checked in {} ms",
              sha256,
              files.source(),
              TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
          happened(new AuditEvent.PolicyTaken(sha256, files.source()));
        } catch (BadPolicy e) {
          refused();
        } catch (IOException e) {
          cedar.refused(folder.orElseThrow() + " cannot be read: " + e);
          refused();
        } catch (RuntimeException | LinkageError | StackOverflowError e) {
          LOG.error("A defect of ours in taking policies in; they are tried again", e);
          seen = ""; // what is wrong may not be wrong with the files
          String before = cedar.health().problem().orElse("");
          cedar.refused(
              folder.map(Path::toString).orElse("the shipped policies")
                  + " cannot be taken in, by a defect of ours that the log has: "
                  + e);
          if (!cedar.health().problem().equals(Optional.of(before))) {
            refused();
          }
        }
      }

      private void refused() {
        String problem = cedar.health().problem().orElse("");
        LOG.error("{}", problem);
        happened(new AuditEvent.PolicyRefused(problem));
      }
    };
  }

  /** Differs when a file does, also when another was put in its place or the folder is another. */
  private static String stamp(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<String> stamps = files.sorted().map(PolicyWatch::stampOf).toList();
      return folder.toRealPath() + " " + stamps;
    } catch (IOException e) {
      return "gone";
    }
  }

  private static String stampOf(Path file) {
    try {
      BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
      return file.getFileName()
          + " "
          + now.lastModifiedTime()
          + " "
          + now.size()
          + " "
          + now.fileKey();
    } catch (IOException e) {
      return file.getFileName() + " gone";
    }
  }
}

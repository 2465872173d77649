package io.exeat.it.environment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.identity.development.Entry;
import io.spiffe.spiffeid.SpiffeId;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The command {@code exeat}, packaged, as a process with an environment of its own. */
public final class Exeat {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration AT_MOST = Duration.ofMinutes(4);

  /** What a test waits for an answer says nothing of how long a person would. */
  private static final String PATIENCE = "2m";

  /** Commands that ask a broker, with the number of words that are their names. */
  private static final Map<String, Integer> ASKING =
      Map.of(
          "task", 2, "credential", 2, "exec", 1, "revoke", 1, "kill", 1, "unkill", 1, "status", 1);

  private final Optional<SpiffeId> id;
  private final Optional<Integer> uid;
  private final Set<SpiffeId> more = new LinkedHashSet<>();
  private boolean apart;
  private final Map<String, String> environment = new LinkedHashMap<>();

  private Exeat(Optional<SpiffeId> id, Optional<Integer> uid) {
    this.id = id;
    this.uid = uid;
    environment.put("PATH", System.getenv("PATH"));
  }

  /** As our own user, whom the issuer does not know. */
  public static Exeat asOperator() {
    return new Exeat(Optional.empty(), Optional.empty());
  }

  /** As a workload of this ID; as a user of its own where we may start such. */
  public static Exeat as(SpiffeId id) {
    return new Exeat(Optional.of(id), agentsUid());
  }

  /** As a workload of this ID that is our own user. */
  public static Exeat asOurselves(SpiffeId id) {
    return new Exeat(Optional.of(id), Optional.empty());
  }

  /** As a workload of this ID that calls the broker over TCP, with its own SVID. */
  public static Exeat overTcp(SpiffeId id) {
    return asOurselves(id)
        .with("EXEAT_SPIFFE_ID", id)
        .with("EXEAT_SPIFFE_WORKLOAD_API", Stage.get().authority().workloadSocket())
        .with("EXEAT_BROKER_ID", Stage.BROKER);
  }

  /** As a user whom nobody has registered. */
  public static Exeat asStranger() {
    return new Exeat(
        Optional.empty(), OtherUser.isRoot() ? Optional.of(OtherUser.STRANGER) : Optional.empty());
  }

  private static Optional<Integer> agentsUid() {
    return OtherUser.isRoot() ? Optional.of(OtherUser.AGENT) : Optional.empty();
  }

  public Exeat with(String key, Object value) {
    environment.put(key, value.toString());
    return this;
  }

  /** Entitled to this ID as well. */
  public Exeat and(SpiffeId other) {
    more.add(other);
    return this;
  }

  /** In a PID namespace of its own, with the {@code /proc} of that. */
  public Exeat inAPidNamespace() {
    apart = true;
    return this;
  }

  /** Starts it; what it says goes to files. */
  public Running start(String... words) {
    try {
      Path folder = Files.createTempDirectory("exeat-said");
      List<String> command = new ArrayList<>(OtherUser.as(uid));
      if (apart) {
        command.addAll(List.of("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"));
      }
      command.addAll(Packaged.brief(patient(words)));
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(new File("/"))
              .redirectOutput(folder.resolve("out").toFile())
              .redirectError(folder.resolve("err").toFile());
      builder.environment().clear();
      builder.environment().putAll(environment);
      Process process = builder.start();
      process.getOutputStream().close();
      // Long before it asks anybody anything: it has yet to become a JVM.
      int pid = Math.toIntExact(apart ? onlyChild(process) : process.pid());
      id.ifPresent(it -> Stage.get().authority().add(Entry.ofPid(it, pid)));
      more.forEach(it -> Stage.get().authority().add(Entry.ofPid(it, pid)));
      return new Running(process, folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long onlyChild(Process process) {
    Processes.await(
        "unshare's child", Duration.ofSeconds(30), () -> process.children().findAny().isPresent());
    return process.children().findAny().orElseThrow().pid();
  }

  private static String[] patient(String... words) {
    int names = words.length == 0 ? 0 : ASKING.getOrDefault(words[0], 0);
    List<String> patient = new ArrayList<>(List.of(words));
    if (names > 0 && words.length >= names && !patient.contains("--timeout")) {
      patient.addAll(names, List.of("--timeout", PATIENCE));
    }
    return patient.toArray(String[]::new);
  }

  /** Runs it to its end. */
  public Said run(String... words) {
    return start(words).end();
  }

  /** One that goes on. */
  public static final class Running {
    private final Process process;
    private final Path folder;

    Running(Process process, Path folder) {
      this.process = process;
      this.folder = folder;
    }

    /** What it has written to standard output so far. */
    public String out() {
      return read("out");
    }

    public void signal(String name) {
      Processes.signal(process, name);
    }

    /** It and all that it has started and that lives, the oldest first. */
    public List<ProcessHandle> processes() {
      return Stream.concat(Stream.of(process.toHandle()), process.descendants())
          .filter(ProcessHandle::isAlive)
          .sorted(Comparator.comparing(it -> it.info().startInstant().orElseThrow()))
          .toList();
    }

    /** Waits for its end. */
    public Said end() {
      try {
        if (!process.waitFor(AT_MOST.toSeconds(), TimeUnit.SECONDS)) {
          Processes.end(process, "KILL");
          throw new IllegalStateException("exeat did not end: " + out() + read("err"));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      Said said = new Said(process.exitValue(), out(), read("err"));
      Processes.delete(folder);
      return said;
    }

    private String read(String name) {
      try {
        return Files.readString(folder.resolve(name));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** How it ended and what it said. */
  public record Said(int code, String out, String err) {
    /** The one line of JSON on standard output; anything else there is an error. */
    public JsonNode json() {
      List<String> lines = out.lines().toList();
      if (lines.size() != 1) {
        throw new AssertionError("not one line of JSON: " + this);
      }
      return line(lines.getFirst());
    }

    /** One line of several. */
    public static JsonNode line(String text) {
      try {
        return JSON.readTree(text);
      } catch (IOException e) {
        throw new AssertionError(text, e);
      }
    }
  }
}

package io.exeat.it.environment;

import io.exeat.identity.TestIdentity;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.Entry;
import io.spiffe.spiffeid.SpiffeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A broker that agents can use, in one of the two forms. */
public final class Deployment implements AutoCloseable {
  private static final Map<Form, Deployment> SHARED = new EnumMap<>(Form.class);

  /** The two forms of one contract. */
  public enum Form {
    ALL_IN_ONE,
    RELAYED
  }

  /**
   * What is not as usual.
   *
   * @param vault where the broker takes Vault to be
   * @param grace how long an agent behind a relay may be unseen
   * @param svidLife of the processes of Exeat, where it is not the usual one
   */
  public record Plan(
      Form form,
      Stage.Place place,
      URI vault,
      Duration grace,
      Optional<Path> journal,
      Optional<Path> audit,
      Optional<Duration> svidLife,
      BrokerProcess.Launch launch) {
    public static Plan of(Form form) {
      return of(form, Stage.get().development());
    }

    public static Plan of(Form form, Stage.Place place) {
      return of(Stage.get(), form, place);
    }

    static Plan of(Stage stage, Form form, Stage.Place place) {
      return new Plan(
          form,
          place,
          stage.vault().address(),
          Duration.ofSeconds(2),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          BrokerProcess.AS_PACKAGED);
    }

    public Plan through(Wire wire) {
      return with(URI.create("https://127.0.0.1:" + wire.port()));
    }

    /** With Vault at another address. */
    public Plan with(URI other) {
      return new Plan(form, place, other, grace, journal, audit, svidLife, launch);
    }

    /** With the broker's process started in another way. */
    public Plan launchedBy(BrokerProcess.Launch other) {
      return new Plan(form, place, vault, grace, journal, audit, svidLife, other);
    }

    /** With the policies of this folder, which it looks at again and again. */
    public Plan withPolicies(Path policies) {
      return withVariables("EXEAT_POLICY_FOLDER=" + policies);
    }

    /** With an OPA server that decides. */
    public Plan withOpa(URI address) {
      return withVariables("EXEAT_POLICY_MODE=opa", "EXEAT_POLICY_ADDRESS=" + address);
    }

    /** With a catalogue of its own, whose agents have the grants that Vault knows of them. */
    public Plan withCatalogue(Path catalogue) {
      return withVariables("EXEAT_CATALOGUE_PATH=" + catalogue);
    }

    /** With agents attested anew as seldom as by default; tests have it done each second. */
    public Plan withUsualRecheck() {
      return withVariables("EXEAT_ATTESTATION_RECHECK=30s");
    }

    /** With a broker that bears it when a test holds Vault's answers back. */
    public Plan withPatienceForVault() {
      return withVariables("EXEAT_VAULT_TIMEOUT=15s");
    }

    /** With keys of the configuration set by their variables. */
    Plan withVariables(String... variables) {
      return launchedBy(config -> {
        List<String> words = new ArrayList<>(List.of("env"));
        words.addAll(List.of(variables));
        words.addAll(launch.command(config));
        return words;
      });
    }

    public Plan withGrace(Duration other) {
      return new Plan(form, place, vault, other, journal, audit, svidLife, launch);
    }

    /** With the audit chain in a folder elsewhere. */
    public Plan withAudit(Path folder) {
      return new Plan(form, place, vault, grace, journal, Optional.of(folder), svidLife, launch);
    }

    /** With the journal in a folder elsewhere. */
    public Plan withJournal(Path folder) {
      return new Plan(form, place, vault, grace, Optional.of(folder), audit, svidLife, launch);
    }

    /** With SVIDs of 8 s for the processes of Exeat, and connections of 10 s between them. */
    public Plan withBriefSvids() {
      Optional<Duration> brief = Optional.of(Duration.ofSeconds(8));
      return new Plan(form, place, vault, grace, journal, audit, brief, launch);
    }
  }

  private final Stage stage = Stage.get();
  private final Plan plan;
  private final Path folder;
  private final BrokerProcess broker;
  private final int port;
  private final Optional<BrokerProcess> sidecar;

  private Deployment(Plan plan) {
    this.plan = plan;
    this.folder = stage.newFolder("b");
    switch (plan.form()) {
      case ALL_IN_ONE -> {
        this.port = 0;
        this.broker = start(folder, Yaml.allInOne(stage, plan, folder), Stage.BROKER);
        this.sidecar = Optional.empty();
      }
      case RELAYED -> {
        this.port = Processes.freePort();
        this.broker = start(folder, Yaml.behindRelay(stage, plan, folder, port), Stage.BROKER);
        this.sidecar = Optional.of(startBeside());
      }
      default -> throw new IllegalStateException();
    }
  }

  private BrokerProcess start(Path folder, String yaml, SpiffeId id) {
    BrokerProcess.Launch launch =
        id.equals(Stage.BROKER) ? plan.launch() : BrokerProcess.AS_PACKAGED;
    boolean attests = plan.form() == Form.ALL_IN_ONE || id.equals(Stage.SIDECAR);
    boolean inPod = attests && plan.place().mode().equals("workload-api");
    return BrokerProcess.start(
        folder, yaml, inPod ? launch.inAPod() : launch, pid -> enrol(id, pid));
  }

  /** The sidecar, once the broker can be called. Nothing is left running when that fails. */
  private BrokerProcess startBeside() {
    Path beside = stage.newFolder("s");
    BrokerProcess started = null;
    try {
      started = start(beside, Yaml.relaying(plan.place(), beside, port), Stage.SIDECAR);
      Processes.await(
          "the broker's mTLS door", Duration.ofSeconds(60), () -> Processes.answers(port));
      return started;
    } catch (RuntimeException e) {
      if (started != null) {
        started.close();
      }
      broker.close();
      throw e;
    }
  }

  /** A new one, serving. */
  public static Deployment start(Plan plan) {
    Deployment deployment = new Deployment(plan);
    try {
      deployment.awaitServing();
      return deployment;
    } catch (RuntimeException e) {
      deployment.close();
      throw e;
    }
  }

  /** A new one that is only just starting. */
  public static Deployment begin(Plan plan) {
    return new Deployment(plan);
  }

  /** The one of this form that scenarios share which leave it as it was. */
  public static Deployment shared(Form form) {
    synchronized (SHARED) {
      return SHARED.computeIfAbsent(
          form,
          it -> {
            Plan plan = Plan.of(it);
            return Stage.get().closing(start(plan));
          });
    }
  }

  public void awaitServing() {
    broker.awaitServing();
    sidecar.ifPresent(BrokerProcess::awaitServing);
  }

  private void enrol(SpiffeId id, long pid) {
    if (plan.place().mode().equals("development")) {
      Entry entry = Entry.ofPid(id, Math.toIntExact(pid));
      stage.authority().add(plan.svidLife().map(entry::withLife).orElse(entry));
    }
  }

  public Form form() {
    return plan.form();
  }

  /** The process that holds tasks, journal and audit. */
  public BrokerProcess broker() {
    return broker;
  }

  /** Where the broker's process has its log and its journal. */
  public Path folder() {
    return folder;
  }

  /** The process that agents talk to; the broker itself unless it is relayed. */
  public BrokerProcess front() {
    return sidecar.orElse(broker);
  }

  /** Where agents call. */
  public Path socket() {
    return front().agentSocket();
  }

  /** The broker's TCP door, for {@code --to}; of the relayed form. */
  public String address() {
    return "127.0.0.1:" + port;
  }

  /** Connections between the sidecar and the broker that stand now, by the kernel's word. */
  public List<String> relayed() {
    String there = String.format("0100007F:%04X", port);
    List<String> ours = new ArrayList<>();
    // An IPv4 connection of a socket that can do both is in the second file.
    for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
      try {
        for (String line : Files.readAllLines(Path.of(table))) {
          List<String> words = List.of(line.strip().split("\\s+", -1));
          if (words.get(2).endsWith(there) && words.get(3).equals("01")) {
            ours.add(words.get(1));
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return ours;
  }

  /** This process as an agent. */
  public Client client() {
    return new Client(socket());
  }

  public Client operator() {
    return new Client(broker.adminSocket());
  }

  /** One who comes over mTLS with an SVID; of the relayed form. */
  public Client operator(SpiffeId id) {
    DevelopmentAuthority issuer = stage.authority();
    return Client.overTls(
        port, new TestIdentity(issuer.issue(id, Duration.ofMinutes(10)), issuer.authority()));
  }

  @Override
  public void close() {
    sidecar.ifPresent(BrokerProcess::close);
    broker.close();
  }
}

package io.exeat.it.environment;

import io.exeat.base.Time;
import io.exeat.credential.vault.DatabaseSql;
import io.exeat.identity.SpiffeTransport;
import io.exeat.identity.development.DevelopmentAuthority;
import io.exeat.identity.development.DevelopmentConfig;
import io.exeat.identity.development.Entry;
import io.exeat.it.Needs;
import io.exeat.task.CatalogueFile;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * What brokers are played between: a real OpenBao, a real Postgres with orders in it, an issuer of
 * SVIDs. Started once for all scenarios of a run and ended with it.
 *
 * <p>Brokers have their folders for themselves and, where they need another heartbeat or issuer, a
 * role of their own in Vault; the catalogue is one.
 */
public final class Stage {
  public static final SpiffeId BROKER = SpiffeId.parse("spiffe://example.org/host/h1/broker");
  public static final SpiffeId SIDECAR = SpiffeId.parse("spiffe://example.org/host/h1/sidecar");

  /** May read and write orders. */
  public static final SpiffeId AGENT = SpiffeId.parse("spiffe://example.org/host/h1/agent/clerk");

  /** May read orders. */
  public static final SpiffeId OTHER = SpiffeId.parse("spiffe://example.org/host/h1/agent/reader");

  /** May read orders, a few times a minute. */
  public static final SpiffeId HASTY = SpiffeId.parse("spiffe://example.org/host/h1/agent/hasty");

  /** People who may act as operators over mTLS. */
  public static final List<SpiffeId> OPERATORS =
      List.of(
          SpiffeId.parse("spiffe://example.org/human/ada"),
          SpiffeId.parse("spiffe://example.org/human/grace"));

  public static final String READ = "orders-read";
  public static final String WRITE = "orders-write";
  public static final String TLS = "orders-tls";
  public static final String SSH = "hosts-run";
  public static final String DATABASE = "orders";
  static final String AUDIENCE = "vault-of-the-scenarios";
  private static final String ADMIN = "vaultadmin";
  private static final String ADMIN_PASSWORD = "vaultadmin-of-the-scenarios";

  private final Path folder;
  private final OpenBao vault;
  private final Postgres postgres;
  private final DevelopmentAuthority authority;

  /** The issuer's keys that Vault has for a role. */
  private final Map<String, String> applied = new HashMap<>();

  private final Deque<AutoCloseable> open = new ConcurrentLinkedDeque<>();

  private Stage(Path bao, Path postgresBinaries) throws IOException {
    this.folder = Files.createTempDirectory("exeat");
    CompletableFuture<Void> rehearsed = CompletableFuture.runAsync(Stage::rehearse);
    // Whatever comes of the rest: what was started ends with this process.
    Runtime.getRuntime().addShutdownHook(new Thread(this::close));
    // Agents of another user come through here to the socket.
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
    this.postgres = closing(Postgres.start(postgresBinaries));
    this.authority =
        closing(
            new DevelopmentAuthority(
                    new DevelopmentConfig(
                        folder.resolve("issuer"),
                        TrustDomain.parse("example.org"),
                        Set.of(BROKER, SIDECAR),
                        List.of()),
                    closing(new SpiffeTransport()),
                    new Time(Clock.systemUTC(), System::nanoTime))
                .start());
    this.vault = closing(OpenBao.start(bao, bundle()));
    vault.makeIssuer("pki", "shop");
    vault.makeAuthority("ssh");
    // This process is the agent of most scenarios.
    authority.add(Entry.ofPid(AGENT, Math.toIntExact(ProcessHandle.current().pid())));
    Files.writeString(catalogue(), Yaml.catalogue(postgres.port()));
    prepareDatabase();
    rehearsed.join();
  }

  /** What is packaged starts many times: as quickly as its users have it, or else slower. */
  private static void rehearse() {
    try {
      Packaged.rehearse();
    } catch (IllegalStateException e) {
      System.err.println("without a cache of classes: " + e.getMessage());
    }
  }

  /** The one of this run, or the reason why there is none: it is not tried twice. */
  private static final class Once {
    static final Stage STAGE = make();

    private static Stage make() {
      try {
        return new Stage(Binaries.openBao().orElseThrow(), Binaries.postgres().orElseThrow());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Skips the test where a part is missing. */
  public static Stage get() {
    var _ = Needs.part("openbao", Binaries.openBao());
    var _ = Needs.part("postgres", Binaries.postgres());
    return Once.STAGE;
  }

  public OpenBao vault() {
    return vault;
  }

  public Postgres postgres() {
    return postgres;
  }

  public DevelopmentAuthority authority() {
    return authority;
  }

  /** The trust domain's X.509 authorities, in PEM. */
  public Path bundle() {
    return folder.resolve("issuer/bundle.pem");
  }

  /** The development authority as an issuer, and the Vault role for what it issues. */
  public Place development() {
    return development("exeat", Duration.ofMinutes(2));
  }

  /** The same with a role of its own, at which a silent broker is dead after {@code heartbeat}. */
  public Place development(String role, Duration heartbeat) {
    return place(
        new Place(
            "development",
            authority.workloadSocket(),
            authority.brokerSocket(),
            "spiffe",
            role,
            heartbeat),
        () -> Files.readString(authority.jwtPem()));
  }

  /** What is in Vault for an issuer; written again for one with other keys. */
  synchronized Place place(Place place, Keys keys) {
    try {
      String pem = keys.pem();
      if (!pem.equals(applied.get(place.role()))) {
        Path file = Files.writeString(folder.resolve(place.role() + ".pem"), pem);
        applyPatiently(place, "--jwt-key", file.toString());
        applied.put(place.role(), pem);
      }
      return place;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same, where Vault asks the issuer itself for its keys. */
  Place place(Place place, URI issuer, Path ca) {
    try {
      applyPatiently(place, "--oidc-discovery-url", issuer.toString(), "--jwks-ca", ca.toString());
      return place;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Public keys of JWT authorities. */
  interface Keys {
    String pem() throws IOException;
  }

  /** On a machine with other work a first call may take longer than it is given. */
  private void applyPatiently(Place place, String... keys) throws IOException {
    for (int tries = 1; ; tries++) {
      try {
        apply(place, catalogue(), keys);
        return;
      } catch (IllegalStateException e) {
        if (tries == 3) {
          throw e;
        }
      }
    }
  }

  /** Has in Vault what another catalogue needs, for the usual issuer. */
  public void apply(Path other) {
    Place place = development();
    try {
      apply(place, other, "--jwt-key", authority.jwtPem().toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void apply(Place place, Path from, String... keys) throws IOException {
    setUp(place, from, Processes.join(List.of(keys), admin("orders-db")));
  }

  /** The words that tell Vault of its own role at a target. */
  String[] admin(String target) throws IOException {
    Path password = Files.writeString(folder.resolve("admin.password"), ADMIN_PASSWORD);
    return new String[] {"--admin", target + "=" + ADMIN + ":" + password};
  }

  void setUp(Place place, Path from, List<String> more) throws IOException {
    setUp(
        Yaml.allInOne(
                this, Deployment.Plan.of(this, Deployment.Form.ALL_IN_ONE, place), newFolder("b"))
            .replace(catalogue().toString(), from.toString()),
        more);
  }

  /** {@code exeat vault apply}, the packaged one, as an operator runs it. */
  void setUp(String yaml, List<String> more) throws IOException {
    Path token = Files.writeString(folder.resolve("operator.token"), vault.rootToken());
    Path config = Files.writeString(newFolder("apply").resolve("exeat.yaml"), yaml);
    List<String> words =
        new ArrayList<>(
            List.of(
                "vault", "apply", "--config", config.toString(), "--token-file", token.toString()));
    words.addAll(more);
    var _ = Packaged.run(words.toArray(String[]::new));
  }

  /** A new folder, which goes with the stage. */
  public Path newFolder(String name) {
    try {
      Path made = Files.createTempDirectory(folder, name);
      Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwx--x--x"));
      return made;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The scenarios' own. */
  public Path catalogue() {
    return folder.resolve("catalogue.yaml");
  }

  /** What the database's superuser runs once, as it stands in the sources. */
  public static String preparation() throws IOException {
    return Files.readString(Packaged.root().resolve("deploy/postgres/prepare.sql"));
  }

  /** Runs {@link #preparation}, or something in its place. */
  public void prepare(String sql) {
    prepare(postgres, DATABASE, sql);
  }

  static void prepare(Postgres postgres, String database, String sql) {
    postgres.execute(database, "SET exeat.revoke_public_connect = on;" + sql);
  }

  private void prepareDatabase() throws IOException {
    postgres.execute("postgres", "CREATE DATABASE " + DATABASE);
    postgres.execute(
        DATABASE,
        """
        CREATE TABLE orders (id int PRIMARY KEY, customer text, state text);
        INSERT INTO orders VALUES (4711, 'Ada', 'late'), (4712, 'Grace', 'sent');
        CREATE TABLE payroll (id int PRIMARY KEY, salary int);
        """);
    prepare(preparation());
    admit(postgres, DATABASE, catalogue(), "orders-db");
  }

  /** Lets Vault's own role in, and have it pass on what a catalogue lends at a target. */
  static void admit(Postgres postgres, String database, Path catalogue, String target) {
    postgres.execute(database, "ALTER ROLE " + ADMIN + " PASSWORD '" + ADMIN_PASSWORD + "'");
    DatabaseSql.adminGrants(CatalogueFile.read(catalogue), target, ADMIN)
        .forEach(sql -> postgres.execute(database, sql));
  }

  /** Ends it with the stage, the last first. */
  synchronized <T extends AutoCloseable> T closing(T part) {
    open.push(part);
    return part;
  }

  private void close() {
    for (AutoCloseable part = open.poll(); part != null; part = open.poll()) {
      try {
        part.close();
      } catch (Exception e) { // the others are to end all the same
        System.err.println("not closed: " + e);
      }
    }
    Processes.delete(folder);
  }

  /**
   * An issuer, how a broker asks it, and who the broker then is in Vault.
   *
   * @param mode {@code attestation.mode}
   * @param attestation the socket where it is asked about agents
   */
  public record Place(
      String mode,
      Path workloadApi,
      Path attestation,
      String mount,
      String role,
      Duration heartbeat) {}
}

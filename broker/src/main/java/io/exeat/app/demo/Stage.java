package io.exeat.app.demo;

import io.exeat.app.Setup;
import io.exeat.app.stage.Folders;
import io.exeat.app.stage.OpenBao;
import io.exeat.app.stage.OtherUser;
import io.exeat.app.stage.Postgres;
import io.exeat.app.stage.Running;
import io.exeat.app.stage.Spire;
import io.exeat.app.stage.StageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Everything that the story is played with: issuer, Vault, database, sidecar. */
final class Stage implements AutoCloseable {
  /** How long what was lent outlives a sidecar that is dead and silent; 2 min outside the demo. */
  static final Duration SESSION_TTL = Duration.ofSeconds(15);

  private final Path folder = Folders.temporary("exeat-demo-");
  private final Screen screen;
  private final Optional<OtherUser> agentUser;
  private final Optional<OtherUser> strangerUser;
  private Optional<Issuer> issuer = Optional.empty();
  private Optional<OpenBao> vault = Optional.empty();
  private Optional<Postgres> postgres = Optional.empty();
  private Optional<Database> database = Optional.empty();
  private Optional<Running> sidecar = Optional.empty();

  Stage(Screen screen) {
    this.screen = screen;
    this.agentUser = other("nobody", "daemon", "games");
    this.strangerUser = other("daemon", "games", "bin");
  }

  /**
   * Only root can give an agent a uid of its own, and only a user that may read our jar is of use.
   */
  private static Optional<OtherUser> other(String... names) {
    return OtherUser.areRoot()
        ? OtherUser.first(names)
            .filter(user ->
                user.canUse(
                    Path.of(System.getProperty("java.home"), "bin", "java"),
                    Path.of(System.getProperty("java.class.path").split(":", -1)[0])))
        : Optional.empty();
  }

  void setUp(Optional<Path> mvnw) {
    CompletableFuture<Void> issuing = later(() -> issuer = Optional.of(startIssuer()));
    CompletableFuture<Void> vaulting =
        later(() -> {
          Path program = OpenBao.program(screen::progress);
          vault = Optional.of(OpenBao.start(program, Folders.make(folder, "openbao", "rwx------")));
          screen.progress("OpenBao: " + program + " at " + vault().address());
        });
    CompletableFuture<Void> storing =
        later(() -> {
          Path bin = Postgres.programs(mvnw, screen::progress);
          postgres =
              Optional.of(
                  Postgres.start(
                      bin, Folders.make(folder, "postgres", "rwx------"), Secrets.fresh()));
          screen.progress("Postgres: " + bin + " on port " + postgres().port());
        });
    try {
      CompletableFuture.allOf(issuing, vaulting, storing).join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
    writeFiles();
    database = Optional.of(Database.prepare(postgres(), folder.resolve("catalogue.yaml")));
    screen.progress("database orders: a table of 3 rows; prepared for Vault's role vaultadmin");
    applyVault();
    startSidecar();
  }

  private static CompletableFuture<Void> later(Runnable body) {
    return CompletableFuture.runAsync(body, command -> Thread.ofPlatform().daemon().start(command));
  }

  private Issuer startIssuer() {
    Optional<Spire.Parts> spire = Spire.programs();
    if (spire.isPresent() && agentUser.isPresent()) {
      Issuer started =
          SpireIssuer.start(
              spire.get(), Folders.make(folder, "spire", "rwx--x--x"), agentUser.get());
      screen.progress("SPIRE: " + spire.get().server() + ", attesting processes by their uid");
      return started;
    }
    screen.progress(
        spire.isPresent()
            ? "SPIRE is there, but tells processes apart by uid, and only root can start an agent as"
                + " another user"
            : "no SPIRE (EXEAT_SPIRE_BIN or the PATH would have it)");
    screen.progress(
        "so the DEVELOPMENT authority issues identities: the same protocols, no security");
    return new DevelopmentIssuer(Folders.make(folder, "issuer", "rwx------"));
  }

  private void writeFiles() {
    Folders.write(
        folder.resolve("catalogue.yaml"), "rw-r--r--", Texts.catalogue(postgres().port()));
    Folders.write(
        folder.resolve("exeat.yaml"),
        "rw-r--r--",
        Texts.config(folder, issuer(), vault().address(), vault().ca(), agentGroup()));
  }

  /** The socket's group: the agent's own, so that it may connect. */
  private Optional<String> agentGroup() {
    return agentUser.map(OtherUser::group);
  }

  private void applyVault() {
    Path token = Folders.write(folder.resolve("operator.token"), "rw-------", vault().rootToken());
    int n = 0;
    java.util.List<Path> keys = new java.util.ArrayList<>();
    for (String pem : issuer().jwtKeys()) {
      keys.add(Folders.write(folder.resolve("jwt-" + n++ + ".pem"), "rw-r--r--", pem));
    }
    Path password =
        Folders.write(
            folder.resolve("vaultadmin.password"), "rw-------", database().adminPassword());
    String said = Setup.vaultApply(config(), token, keys, "orders-db=vaultadmin:" + password);
    try {
      Files.delete(token);
      Files.delete(password);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    screen.progress("exeat vault apply: " + said + "; the sidecar itself has no rights to do this");
  }

  /** Starts the sidecar and waits until its health is what agents need. */
  void startSidecar() {
    Running started =
        Running.start(
            "sidecar",
            folder,
            Jvm.command(io.exeat.app.Main.class, "run", "--config", config().toString()),
            Map.of());
    sidecar = Optional.of(started);
    issuer().isBroker(started.pid());
    started.await(Duration.ofSeconds(20), () -> connects(socket()));
    screen.progress("exeat run: process " + started.pid() + " serves " + socket());
    started.await(Duration.ofSeconds(30), () -> Setup.isServing(socket()));
    screen.progress("its identity, Vault, journal and audit chain are there");
  }

  private static boolean connects(Path socket) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      return false;
    }
  }

  /** An agent that has an entry. */
  Agent agent() {
    Agent agent = Agent.start(agentUser, socket());
    issuer().isAgent(agent.pid());
    return agent;
  }

  /** An agent that nobody registered. */
  Agent stranger() {
    // In the agent's group, so that it is not the socket's mode that keeps it out.
    Optional<OtherUser> user =
        agentUser.flatMap(
            agent -> strangerUser.map(it -> new OtherUser(it.name(), it.uid(), agent.gid())));
    return Agent.start(user, socket());
  }

  String describeAgent() {
    return agentUser
        .map(user -> "its own user " + user.name() + " (uid " + user.uid() + ")")
        .orElse("the same user as the sidecar, because only root can do better; known by its PID");
  }

  Path folder() {
    return folder;
  }

  Path config() {
    return folder.resolve("exeat.yaml");
  }

  Path socket() {
    return folder.resolve("run").resolve("agent.sock");
  }

  Path audit() {
    return folder.resolve("audit");
  }

  Issuer issuer() {
    return there(issuer);
  }

  OpenBao vault() {
    return there(vault);
  }

  Postgres postgres() {
    return there(postgres);
  }

  Database database() {
    return there(database);
  }

  Running sidecar() {
    return there(sidecar);
  }

  private static <T> T there(Optional<T> part) {
    return part.orElseThrow(() -> new StageException("the stage is not set up"));
  }

  @Override
  public void close() {
    sidecar.ifPresent(Stage::quietly);
    database.ifPresent(Stage::quietly);
    postgres.ifPresent(Stage::quietly);
    vault.ifPresent(Stage::quietly);
    issuer.ifPresent(Stage::quietly);
    Folders.remove(folder);
  }

  private static void quietly(AutoCloseable part) {
    try {
      part.close();
    } catch (Exception e) { // the others are to be closed all the same
      System.err.println("exeat demo: " + e.getMessage());
    }
  }
}

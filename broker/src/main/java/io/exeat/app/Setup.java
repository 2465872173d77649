package io.exeat.app;

import io.exeat.app.stage.StageException;
import io.exeat.credential.vault.DatabaseSql;
import io.exeat.task.CatalogueFile;
import io.exeat.v1.AdminGrpc;
import io.exeat.v1.StatusRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;

/** The command line's own work, for the demo to use as a person would. */
public final class Setup {
  private Setup() {}

  /** {@code exeat vault apply}; its last line. */
  public static String vaultApply(Path config, Path token, List<Path> keys, String admin) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "apply",
                "--config",
                config.toString(),
                "--token-file",
                token.toString(),
                "--admin",
                admin));
    keys.forEach(key -> words.addAll(List.of("--jwt-key", key.toString())));
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    int code = new CommandLine(new VaultCommand(out, out)).execute(words.toArray(String[]::new));
    if (code != 0) {
      throw new StageException("exeat vault apply: " + said);
    }
    return last(said.toString());
  }

  /** {@code exeat audit verify}; its first line. */
  public static String auditVerify(Path folder) {
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    var _ =
        new CommandLine(new AuditCommand(out, out))
            .execute("verify", "--folder", folder.toString());
    return said.toString().lines().findFirst().orElse("");
  }

  /** What a database's superuser runs first. */
  public static String prepareSql() {
    try {
      return VaultCommand.prepareSql();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What Vault's role may pass on. */
  public static List<String> adminGrants(Path catalogue, String target) {
    return DatabaseSql.adminGrants(CatalogueFile.read(catalogue), target, "vaultadmin");
  }

  /** Whether gRPC's health service says SERVING. */
  public static boolean isServing(Path socket) {
    ManagedChannel channel = new SocketDoors().over(socket);
    try {
      return HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(2, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance())
              .getStatus()
          == ServingStatus.SERVING;
    } catch (StatusRuntimeException e) {
      return false;
    } finally {
      channel.shutdownNow();
    }
  }

  /** Waits until the broker has nothing to prove any more; whether that was so in time. */
  public static boolean awaitNothingPending(Path socket, Duration within) {
    ManagedChannel channel = new SocketDoors().over(socket);
    long until = System.nanoTime() + within.toNanos();
    try {
      while (System.nanoTime() - until < 0) {
        var status =
            AdminGrpc.newBlockingStub(channel)
                .withDeadlineAfter(5, TimeUnit.SECONDS)
                .status(StatusRequest.getDefaultInstance());
        if (status.getPendingCount() == 0 && status.getTasksEnding() == 0) {
          return true;
        }
        pause(Duration.ofMillis(100));
      }
      return false;
    } finally {
      channel.shutdownNow();
    }
  }

  /** The build's {@code mvnw}, when this runs from the sources. */
  public static Optional<Path> mvnw() {
    Path jar = Path.of(System.getProperty("java.class.path").split(":", -1)[0]).toAbsolutePath();
    return Optional.ofNullable(jar.getParent())
        .map(target -> target.resolve("../../mvnw").normalize())
        .filter(Files::isExecutable);
  }

  /** Waits. */
  public static void pause(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StageException("interrupted", e);
    }
  }

  private static String last(String text) {
    return text.lines().reduce("", (one, other) -> other);
  }
}

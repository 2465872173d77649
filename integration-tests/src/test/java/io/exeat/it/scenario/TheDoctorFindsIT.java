package io.exeat.it.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.exeat.it.environment.AgentProcess;
import io.exeat.it.environment.Deployment;
import io.exeat.it.environment.Exeat;
import io.exeat.it.environment.Exeat.Said;
import io.exeat.it.environment.OtherUser;
import io.exeat.it.environment.PlainVault;
import io.exeat.it.environment.SmallDisk;
import io.exeat.it.environment.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Each thing that the doctor looks at, as it must be and then not, on the real servers. */
final class TheDoctorFindsIT extends Scenarios {
  TheDoctorFindsIT() {
    super(Deployment.Form.ALL_IN_ONE);
  }

  private String configuration() {
    return deployment.broker().configuration();
  }

  private Said doctor(String yaml, String... more) throws IOException {
    return new Doctor(stage, Exeat.asOurselves(Stage.BROKER)).look(yaml, more);
  }

  private Map<String, String> wrong(String yaml, String... more) throws IOException {
    return new Doctor(stage, Exeat.asOurselves(Stage.BROKER)).wrong(yaml, more);
  }

  @Test
  void nothingWrongWhereAllIsWell() throws IOException {
    try (AgentProcess agent = agent(Stage.AGENT)) {
      Said said = doctor(configuration(), "--pid", Integer.toString(agent.pid()));
      assertThat(said.code()).as("%s", said).isZero();
      assertThat(said.out())
          .contains("ok      vault-rights broker", "ok      vault-rights clerk")
          .contains("ok      database-clock orders-db", "ok      vault-clock")
          .contains("ok      pid-namespace", "ok      svid " + Stage.BROKER)
          .contains("ok      agent-entry process " + agent.pid() + ": is " + Stage.AGENT)
          .contains("unseen  agent-entry reader", "unseen  agent-entry hasty")
          .endsWith("Nothing is wrong; 2 not seen from here.\n");
    }
    assertThat(outside.roles()).isEmpty();
  }

  @Test
  void aRightThatTheBrokerLacksIsNamed() throws IOException {
    String path = "sys/policies/acl/exeat";
    String policy = stage.vault().call("GET", path, Map.of()).data().path("policy").asText();
    try {
      var _ =
          stage
              .vault()
              .call(
                  "POST",
                  path,
                  Map.of(
                      "policy",
                      policy.replace("sys/leases/revoke", "none")
                          + "path \"database/creds/orders-read\" { capabilities = [\"read\"] }"));
      assertThat(wrong(configuration()))
          .hasEntrySatisfying(
              "vault-rights broker",
              seen ->
                  assertThat(seen)
                      .startsWith(
                          "may not update sys/leases/revoke; may read database/creds/orders-read"))
          .hasSize(1);
    } finally {
      var _ = stage.vault().call("POST", path, Map.of("policy", policy));
    }
  }

  @Test
  void aGrantThatATaskCouldNotUseIsNamed() throws IOException {
    String path = "sys/policies/acl/cred-orders-write";
    String policy = stage.vault().call("GET", path, Map.of()).data().path("policy").asText();
    try {
      var _ = stage.vault().call("DELETE", path, Map.of());
      assertThat(wrong(configuration()))
          .containsOnlyKeys("vault-rights clerk")
          .hasEntrySatisfying(
              "vault-rights clerk",
              seen ->
                  assertThat(seen)
                      .contains("Vault has no policy cred-orders-write: run exeat vault apply"));
    } finally {
      var _ = stage.vault().call("POST", path, Map.of("policy", policy));
    }
  }

  /** A clock_timestamp() of the database's own that is before the real one on the search path. */
  @Test
  void aDatabaseClockThatIsWrongIsFound() throws IOException {
    stage
        .postgres()
        .execute(
            "orders",
            "CREATE SCHEMA late; GRANT USAGE ON SCHEMA late TO PUBLIC;"
                + " CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
                + " $$SELECT pg_catalog.clock_timestamp() - interval '7 s'$$;"
                + " ALTER DATABASE orders SET search_path = late, pg_catalog, public");
    try {
      assertThat(wrong(configuration()))
          .containsOnlyKeys("database-clock orders-db")
          .hasEntrySatisfying(
              "database-clock orders-db",
              seen -> assertThat(seen).contains("s behind ours, of at most 2 s"));
    } finally {
      stage
          .postgres()
          .execute("orders", "ALTER DATABASE orders RESET search_path; DROP SCHEMA late CASCADE");
    }
  }

  @Test
  void whatIsNotThereOrOpenToOthersIsNamed() throws IOException {
    Path open = stage.newFolder("open");
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    String yaml =
        configuration()
            .replaceAll("workload-api: [^}]*}", "workload-api: /nowhere/api.sock}")
            .replaceAll("address: \"[^\"]*\"", "address: \"https://127.0.0.1:1\"")
            .replaceAll("journal: \\{folder: [^}]*}", "journal: {folder: " + open + "}")
            .replaceAll("socket: \\{path: [^,}]*", "socket: {path: " + open + "/agent.sock");
    assertThat(wrong(yaml))
        .containsOnlyKeys(
            "workload-api /nowhere/api.sock",
            "vault https://127.0.0.1:1",
            "permissions " + open,
            "permissions " + open + "/agent.sock");
  }

  @Test
  void aProcessWithoutAnEntryIsNamed() throws IOException {
    try (AgentProcess stranger =
        AgentProcess.start(deployment.socket(), java.util.Optional.empty())) {
      assertThat(wrong(configuration(), "--pid", Integer.toString(stranger.pid())))
          .containsOnlyKeys("agent-entry process " + stranger.pid());
    }
  }

  @Test
  void aForeignRoleAndAConfigurationThatIsNoneAreTold() throws IOException {
    assertThat(wrong(configuration().replaceAll("role: exeat", "role: nobody")))
        .containsOnlyKeys("vault-session nobody");
    assertThat(wrong("spiffe: {idd: x}\n")).containsOnlyKeys("configuration ");
  }

  @Test
  void whatOthersCouldChangeAndWhatIsNotSoundIsNamed() throws IOException {
    Path policies = stage.newFolder("policies");
    Files.writeString(policies.resolve("bad.cedar"), "permit(principal");
    Files.setPosixFilePermissions(policies, PosixFilePermissions.fromString("rwxrwxrwx"));
    Path catalogue =
        Files.writeString(policies.resolveSibling("doctored.yaml"), "version: 1\ncolour: red\n");
    String yaml =
        configuration()
            .replaceAll("policy: .*", "policy: {folder: " + policies + "}")
            .replaceAll("catalogue: .*", "catalogue: {path: " + catalogue + "}");
    Map<String, String> wrong = wrong(yaml);
    assertThat(wrong)
        .containsOnlyKeys(
            "catalogue " + catalogue, "permissions " + policies, "policy " + policies);
    assertThat(wrong.get("catalogue " + catalogue)).contains("colour", "exeat config schema");
    assertThat(wrong.get("permissions " + policies)).endsWith("-> chmod go-w " + policies);
    assertThat(wrong.get("policy " + policies)).contains("bad.cedar", "-> exeat policy check");
    Files.writeString(
        catalogue,
        Files.readString(stage.catalogue())
            .replaceFirst("approvers: \\[.*]", "approvers: [\"uid 424242\"]"));
    assertThat(wrong(yaml).get("catalogue " + catalogue))
        .contains("uid 424242 is not in admin.uids");
    Files.writeString(
        catalogue,
        Files.readString(stage.catalogue())
            .replaceFirst(
                "approvers: \\[.*]", "approvers: [\"" + Stage.OPERATORS.getFirst() + "\"]"));
    assertThat(wrong(yaml).get("catalogue " + catalogue)).contains("set listen.address");
    Files.delete(catalogue);
  }

  @Test
  void anOpaServerThatIsAwayIsNamed() throws IOException {
    String address = "http://127.0.0.1:1";
    assertThat(
            wrong(
                configuration()
                    .replaceAll("policy: .*", "policy: {mode: opa, address: \"" + address + "\"}")))
        .containsOnlyKeys("policy " + address);
  }

  @Test
  void whomSpireDoesNotKnowIsToldHowToBeRegistered() throws IOException {
    Map<String, String> wrong = new Doctor(stage, Exeat.asOperator()).wrong(configuration());
    assertThat(wrong).containsOnlyKeys("svid " + Stage.BROKER);
    assertThat(wrong.get("svid " + Stage.BROKER))
        .contains("-> spire-server entry create -spiffeID " + Stage.BROKER);
  }

  @Test
  void whoseEntryIsThereTwiceIsToldToChoose() throws IOException {
    Map<String, String> wrong =
        new Doctor(stage, Exeat.asOurselves(Stage.BROKER).and(Stage.BROKER)).wrong(configuration());
    assertThat(wrong).containsOnlyKeys("svid " + Stage.BROKER);
    assertThat(wrong.get("svid " + Stage.BROKER))
        .contains("2 of " + Stage.BROKER, "-> set spiffe.hint");
  }

  @Test
  void aDatabaseThatIsAwayIsNamed() throws IOException {
    stage.postgres().stop();
    try {
      assertThat(wrong(configuration())).containsOnlyKeys("target orders-db");
    } finally {
      stage.postgres().start();
    }
    deployment.awaitServing();
  }

  @Test
  void aSealedVaultIsTold() throws IOException {
    String vault = "vault " + stage.vault().address();
    stage.vault().seal();
    try {
      Map<String, String> wrong = wrong(configuration());
      assertThat(wrong).containsOnlyKeys(vault);
      assertThat(wrong.get(vault)).isEqualTo("is sealed (503) -> unseal it: bao operator unseal");
    } finally {
      stage.vault().unseal();
    }
    deployment.awaitServing();
  }

  @Test
  void aVaultWhoseClockIsWrongIsFound() throws IOException {
    try (PlainVault late = PlainVault.of(stage.vault(), Duration.ofSeconds(-90))) {
      String yaml =
          configuration()
              .replaceAll(
                  "address: \"https[^\"]*\"",
                  "address: \"" + late.address() + "\"\n  development-plaintext: true");
      Map<String, String> wrong = wrong(yaml);
      assertThat(wrong).containsOnlyKeys("vault-clock ");
      assertThat(wrong.get("vault-clock "))
          .containsPattern("^(8[89]|90)[.][0-9]{3} s behind ours, of at most 2 s -> .*NTP");
    }
  }

  @Test
  void aGroupThatCannotComeInIsFound() throws IOException {
    Assumptions.assumeTrue(OtherUser.isRoot(), "only root gives its sockets to a group");
    String yaml = configuration();
    assertThat(yaml).contains(", group: ");
    assertThat(wrong(yaml.replaceAll(", group: [^}]*}", ", group: no-such-group}")))
        .containsOnlyKeys("socket-group no-such-group");
    Map<String, String> another = wrong(yaml.replaceAll(", group: [^}]*}", ", group: daemon}"));
    assertThat(another).containsOnlyKeys("socket-group daemon");
    assertThat(another.get("socket-group daemon")).contains("may not enter", "-> chgrp daemon ");
  }

  @Test
  void aDiskThatIsNearlyFullIsFound() throws IOException {
    try (SmallDisk disk = SmallDisk.mount(stage.newFolder("disk"), "1m")) {
      Path journal = Files.createDirectory(disk.folder("journal"));
      Files.setPosixFilePermissions(journal, PosixFilePermissions.fromString("rwx------"));
      Map<String, String> wrong =
          wrong(
              configuration()
                  .replaceAll("journal: \\{folder: [^}]*}", "journal: {folder: " + journal + "}"));
      assertThat(wrong).containsOnlyKeys("permissions " + journal);
      assertThat(wrong.get("permissions " + journal))
          .containsPattern("[01] MiB are free there -> make room");
    }
  }
}

package io.exeat.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.cli.Exit;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What all commands have in common. */
final class CommandLineTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  private int exeat(String... words) {
    return Main.commandLine(words)
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(words);
  }

  @Test
  void everyCommandTellsItsExitCodesAndWhatItIsFor() {
    for (CommandLine each : Main.commandLine().getSubcommands().values()) {
      look(each);
    }
  }

  private static void look(CommandLine command) {
    String help = command.getUsageMessage();
    assertThat(command.getCommandSpec().usageMessage().description())
        .as(command.getCommandSpec().qualifiedName())
        .isNotEmpty();
    for (String code : Exit.table()) {
      assertThat(help).contains("  " + code.substring(0, code.indexOf(':')) + " ");
    }
    command.getSubcommands().values().forEach(CommandLineTest::look);
  }

  @Test
  void theDocumentedExitCodesAreThese() throws IOException {
    List<String> documented =
        Files.readAllLines(Path.of("../docs/cli.md")).stream()
            .filter(line -> line.matches("\\| ([0-9]+|n) \\|.*"))
            .map(line -> line.split("\\|", -1)[1].strip())
            .toList();
    assertThat(documented)
        .containsExactlyElementsOf(
            java.util.Arrays.stream(Exit.table()).map(it -> it.split(":", 2)[0]).toList());
  }

  @Test
  void oneCommandIsKnownByItselfAsAmongAll() {
    for (String name : List.of("run", "task", "doctor", "version")) {
      assertThat(help(Main.commandLine(name), name)).isEqualTo(help(Main.commandLine(), name));
    }
  }

  private static String help(CommandLine all, String name) {
    return Objects.requireNonNull(all.getSubcommands().get(name)).getUsageMessage();
  }

  @Test
  void helpIsTheSameInBothPlaces() {
    assertThat(exeat("help", "task", "open")).isEqualTo(Exit.OK);
    String help = out.toString();
    out.getBuffer().setLength(0);
    assertThat(exeat("task", "open", "--help")).isEqualTo(Exit.OK);
    assertThat(out.toString()).isEqualTo(help).startsWith("Usage: exeat task open");
    assertThat(exeat("help", "task", "opne")).isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains("exeat task has no command opne");
    assertThat(exeat("kill", "--agent", "x")).isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains("exeat: Missing required argument(s): --reason");
  }

  @Test
  void aMistakeIsSaidShortlyAndWhereToLook() {
    assertThat(exeat("doctor", "--jsn")).isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains("--jsn").contains("exeat doctor --help says what it takes");
    assertThat(err.toString().lines()).hasSizeLessThan(5);
    assertThat(out.toString()).isEmpty();
  }

  /** As a person's shell does it: sourced, then asked for what may come next. */
  @Test
  void bashCompletesCommandsAndOptions() throws IOException, InterruptedException {
    assertThat(exeat("completion")).isEqualTo(Exit.OK);
    Path script = Files.writeString(folder.resolve("completion"), out.toString());
    assertThat(completions(script, "exeat", "ta")).containsExactly("task");
    assertThat(completions(script, "exeat", "task", "")).contains("open", "scope", "watch", "list");
    assertThat(completions(script, "exeat", "doctor", "--")).contains("--json", "--pid");
  }

  private static List<String> completions(Path script, String... words)
      throws IOException, InterruptedException {
    Process bash =
        new ProcessBuilder(
                "bash",
                "--norc",
                "-c",
                "source '%s'; COMP_WORDS=(%s); COMP_CWORD=%d; _complete_exeat; printf '%%s\\n' \"${COMPREPLY[@]}\""
                    .formatted(script, "'" + String.join("' '", words) + "'", words.length - 1))
            .redirectErrorStream(true)
            .start();
    bash.getOutputStream().close();
    List<String> said =
        new String(bash.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
            .lines()
            .map(String::strip)
            .toList();
    assertThat(bash.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(bash.exitValue()).as(said.toString()).isZero();
    return said;
  }

  @Test
  void aChainIsShownAlsoWhereItIsNoText() throws IOException {
    byte[] line = "{\"seq\":1,\"kind\":\"TaskOpened\",\"x\":\"?\"}\n".getBytes(UTF_8);
    line[line.length - 4] = (byte) 0xff;
    Files.write(folder.resolve("exeat-000000000001.jsonl"), line);
    StringWriter said = new StringWriter();
    CommandLine audit =
        new CommandLine(new AuditCommand(new PrintWriter(said, true), new PrintWriter(err, true)));
    assertThat(audit.execute("show", "--folder", folder.toString())).isEqualTo(Exit.OK);
    assertThat(said.toString()).contains("TaskOpened");
    String[] wrong = {"show", "--folder", folder.toString(), "--task", "t1"};
    assertThat(audit.execute(wrong)).isEqualTo(Exit.USAGE);
    assertThat(err.toString()).contains("task_id");
  }

  @Test
  void aHeadWithoutItsCountIsRefused() {
    CommandLine audit =
        new CommandLine(new AuditCommand(new PrintWriter(out, true), new PrintWriter(err, true)));
    for (String[] wrong : new String[][] {{"--head", "aa"}, {"--count", "-1"}}) {
      String[] words = {"verify", "--folder", folder.toString(), wrong[0], wrong[1]};
      assertThat(audit.execute(words)).isEqualTo(Exit.USAGE);
    }
    assertThat(err.toString()).contains("--count").contains("--head");
  }

  /** Whether an approver can say anything is seen in both files together. */
  @Test
  void anApproverWhomNoDoorLetsInIsFoundByWhoeverLooksAtTheConfiguration() throws IOException {
    Path catalogue =
        Files.writeString(
            folder.resolve("catalogue.yaml"),
            """
            version: 1
            targets: {orders: {environment: test, service: {host: orders.example.org}}}
            grants: {read: {target: orders, actions: [read], data-class: internal}}
            intents: {answer: {description: Answers}}
            agents: {clerk: {spiffe-id: "spiffe://example.org/clerk", owner: o, escalation: e,
              grants: [read], intents: [answer], approvers: ["uid 424242"]}}
            """);
    Path file = folder.resolve("exeat.yaml");
    String yaml =
        """
        spiffe: {id: "spiffe://example.org/broker/b", workload-api: /nowhere/api.sock}
        attestation: {mode: broker-api, socket: /b.sock, agents: "spiffe://example.org/agent/*"}
        vault: {address: "https://vault.example.org:8200"}
        catalogue: {path: %s}
        """
            .formatted(catalogue);
    Files.writeString(file, yaml);

    CommandLine config =
        new CommandLine(new ConfigCommand(new PrintWriter(out, true), new PrintWriter(err, true)));
    String[] check = {"check", "--config", file.toString()};
    assertThat(config.execute(check)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(err.toString()).contains("uid 424242 is not in admin.uids");
    Files.writeString(file, yaml + "admin: {uids: [0, 424242]}\n");
    assertThat(config.execute(check)).isEqualTo(Exit.OK);

    String ada = "spiffe://example.org/human/ada";
    Files.writeString(catalogue, Files.readString(catalogue).replace("uid 424242", ada));
    assertThat(config.execute(check)).isEqualTo(Exit.CHECK_FAILED);
    assertThat(err.toString()).contains(ada + " can come by the broker's mTLS address alone");
    Files.writeString(file, yaml + "listen: {address: \"127.0.0.1:8443\"}\n");
    assertThat(config.execute(check)).isEqualTo(Exit.OK);
  }

  @Test
  void aWrongConfigurationIsJsonToo() throws IOException {
    Path file = Files.writeString(folder.resolve("exeat.yaml"), "spiffe: {idd: x}\n");
    StringWriter said = new StringWriter();
    PrintWriter to = new PrintWriter(said, true);
    int code =
        new CommandLine(new ConfigCommand(to, new PrintWriter(err, true)))
            .execute("check", "--json", "--config", file.toString());
    assertThat(code).isEqualTo(Exit.CHECK_FAILED);
    var json = new ObjectMapper().readTree(said.toString());
    assertThat(json.path("ok").asBoolean(true)).isFalse();
    assertThat(json.path("problems").toString()).contains("idd", "spiffe.id: is missing");
    assertThat(err.toString()).isEmpty();
  }
}

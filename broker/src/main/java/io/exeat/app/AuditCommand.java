package io.exeat.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.exeat.audit.AuditVerifier;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat audit}: what happened, and whether it still says what was written. */
@Command(
    name = "audit",
    description = "Look at the audit chain, and check it.",
    synopsisSubcommandLabel = "COMMAND")
final class AuditCommand {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final PrintWriter out;
  private final PrintWriter err;

  AuditCommand(PrintWriter out, PrintWriter err) {
    this.out = out;
    this.err = err;
  }

  @Command(
      description = {
        "Checks every record of the chain against the one before it.",
        "",
        "With --count and --head it also finds records cut off at the end: keep both from time to"
            + " time",
        "where the broker's host cannot write. Ends with 10 at the first thing that is wrong."
      },
      footer = {"", "Example:", "  exeat audit verify --folder /var/lib/exeat/audit"})
  int verify(
      @Option(names = "--folder", paramLabel = "DIR", description = "Else the configuration's.")
          @Nullable Path folder,
      @Option(names = "--count", defaultValue = "0", description = "So many were there.")
          long count,
      @Option(names = "--head", paramLabel = "HASH", description = "The hash of the last of them.")
          @Nullable String head,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    if (count < 0 || (head != null && count == 0)) {
      err.println("exeat: --count is how many records there were, from 1; --head is of the last");
      return Exit.USAGE;
    }
    try {
      Optional<AuditVerifier.Expected> expected =
          count == 0
              ? Optional.empty()
              : Optional.of(new AuditVerifier.Expected(count, Optional.ofNullable(head)));
      return print(AuditVerifier.verify(folder(folder), expected), json);
    } catch (IOException e) {
      err.println("exeat: the audit chain cannot be read: " + e.getMessage());
      return Exit.UNAVAILABLE;
    } catch (ConfigException e) {
      err.println("exeat: " + e.getMessage() + "\n  or name the folder with --folder");
      return Exit.USAGE;
    }
  }

  private int print(AuditVerifier.Result result, boolean json) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    return switch (result) {
      case AuditVerifier.Result.Sound sound -> {
        if (json) {
          node.put("sound", true).put("records", sound.records()).put("files", sound.files());
          node.put("head", sound.headHash());
          out.println(node);
        } else {
          out.println(
              "sound: %d records in %d files, %s to %s"
                  .formatted(sound.records(), sound.files(), sound.first(), sound.last()));
          out.println("head:  " + sound.headHash());
        }
        yield Exit.OK;
      }
      case AuditVerifier.Result.Broken broken -> {
        if (json) {
          node.put("sound", false).put("kind", broken.kind().name());
          node.put("file", broken.file().toString()).put("line", broken.line());
          node.put("offset", broken.offset()).put("records", broken.records());
          node.put("what", broken.what());
          out.println(node);
        } else {
          out.println(
              "%s: %s line %d (byte %d): %s"
                  .formatted(
                      broken.kind(), broken.file(), broken.line(), broken.offset(), broken.what()));
          out.println(broken.records() + " records before it are sound");
        }
        yield Exit.CHECK_FAILED;
      }
    };
  }

  @Command(
      description = "Prints the records, oldest first.",
      footer = {"", "Example:", "  exeat audit show --task t0123456789abcdefghij"})
  int show(
      @Option(names = "--folder", paramLabel = "DIR", description = "Else the configuration's.")
          @Nullable Path folder,
      @Option(names = "--task", defaultValue = "", description = "Only those that name this task.")
          String task,
      @Option(names = "--json", description = "Print the lines as they are.") boolean json) {
    try (Stream<Path> all = Files.list(folder(folder))) {
      if (!task.isEmpty()) {
        var _ = new TaskId(task);
      }
      List<Path> files = all.filter(it -> it.toString().endsWith(".jsonl")).sorted().toList();
      for (Path file : files) {
        // Whatever is no text in it is shown as such: saying where is verify's.
        try (BufferedReader in =
            new BufferedReader(
                new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
          in.lines()
              .filter(line -> task.isEmpty() || line.contains(task))
              .forEach(line -> out.println(json ? line : readable(line)));
        }
      }
      return Exit.OK;
    } catch (IOException e) {
      err.println("exeat: the audit chain cannot be read: " + e.getMessage());
      return Exit.UNAVAILABLE;
    } catch (FaultException e) {
      err.println("exeat: " + Findings.words(e));
      return Exit.USAGE;
    } catch (ConfigException e) {
      err.println("exeat: " + e.getMessage() + "\n  or name the folder with --folder");
      return Exit.USAGE;
    }
  }

  private static String readable(String line) {
    try {
      JsonNode record = JSON.readTree(line);
      StringBuilder text = new StringBuilder();
      text.append(
          "%5s  %s  %-18s"
              .formatted(
                  record.path("seq").asText(),
                  record.path("at").asText(),
                  record.path("kind").asText()));
      record
          .properties()
          .forEach(field -> {
            if (!List.of("seq", "at", "kind", "prev", "hash", "v").contains(field.getKey())) {
              text.append("  ").append(field.getKey()).append('=');
              text.append(
                  field.getValue().isValueNode()
                      ? field.getValue().asText()
                      : field.getValue().toString());
            }
          });
      return text.toString();
    } catch (IOException e) {
      return line;
    }
  }

  private static Path folder(@Nullable Path named) {
    if (named != null) {
      return named;
    }
    BrokerConfig config = ConfigFile.read(Optional.empty(), System.getenv());
    if (config.form() instanceof BrokerConfig.AllInOne here) {
      return here.audit();
    }
    throw new ConfigException("this sidecar relays", List.of("the audit chain is at its broker"));
  }
}

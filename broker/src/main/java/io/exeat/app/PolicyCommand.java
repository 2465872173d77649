package io.exeat.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.exeat.base.Time;
import io.exeat.cli.Exit;
import io.exeat.config.ConfigException;
import io.exeat.policy.BadPolicy;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyFiles;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import io.exeat.policy.cedar.CedarEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code exeat policy}: what policies say, before they are in force and after. */
@Command(
    name = "policy",
    description = "Check, test and explain Cedar policies; decide again what was recorded.",
    synopsisSubcommandLabel = "COMMAND")
final class PolicyCommand {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofSeconds(5);
  private static final String FOLDER =
      "Of *.cedar and *.cases.yaml; else the configuration's, else what ships with Exeat.";

  private final PrintWriter out;
  private final PrintWriter err;
  private final PolicyPlace place;

  /**
   * @param environment the process's
   */
  PolicyCommand(PrintWriter out, PrintWriter err, Map<String, String> environment) {
    this.out = out;
    this.err = err;
    this.place = new PolicyPlace(environment);
  }

  private interface Body {
    int run(PolicyReports reports) throws IOException, BadPolicy;
  }

  private int guarded(boolean json, Body body) {
    PolicyReports reports = new PolicyReports(out, json);
    try {
      return body.run(reports);
    } catch (BadPolicy e) {
      reports.bad(e.problems());
      return Exit.CHECK_FAILED;
    } catch (IOException | IllegalArgumentException e) {
      err.println("exeat: " + e.getMessage());
      return Exit.USAGE;
    } catch (ConfigException e) {
      err.println("exeat: " + e.getMessage() + "\n  or name the folder with --folder");
      return Exit.USAGE;
    }
  }

  @Command(
      description = "Parses and type-checks policies; prints every problem, ends with 10 if any.",
      footer = {"", "Example:", "  exeat policy check --folder /etc/exeat/policies"})
  int check(
      @Option(names = "--folder", paramLabel = "DIR", description = FOLDER) @Nullable Path folder,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    return guarded(
        json,
        reports -> {
          PolicyFiles files = files(folder);
          CedarEngine engine = engine(files);
          reports.sound(engine.policies().size(), files.source(), engine.sha256());
          return Exit.OK;
        });
  }

  @Command(
      description = "Runs the cases beside the policies; ends with 10 if one is decided otherwise.",
      footer = {"", "Example:", "  exeat policy test --folder /etc/exeat/policies"})
  int test(
      @Option(names = "--folder", paramLabel = "DIR", description = FOLDER) @Nullable Path folder,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    return guarded(
        json,
        reports -> {
          PolicyFiles files = files(folder);
          CaseSuite suite = CaseSuite.parse(files.cases());
          CedarEngine engine = engine(files);
          List<CaseSuite.Otherwise> otherwise = suite.otherwise(engine);
          reports.cases(engine.sha256(), suite.cases().size(), otherwise);
          return otherwise.isEmpty() ? Exit.OK : Exit.CHECK_FAILED;
        });
  }

  @Command(
      description = {
        "Decides one question and says which policies decide, and on what.",
        "",
        "The question is a JSON document as the audit chain has it (and as `--example` prints it)."
      },
      footer = {
        "",
        "Example:",
        "  exeat policy explain --audit DIR --decision d0123456789abcdefghij"
      })
  int explain(
      @Option(names = "--folder", paramLabel = "DIR", description = FOLDER) @Nullable Path folder,
      @Option(names = "--question", paramLabel = "FILE", description = "The question.")
          @Nullable Path question,
      @Option(names = "--audit", paramLabel = "DIR", description = "The chain that has it.")
          @Nullable Path audit,
      @Option(names = "--decision", paramLabel = "ID", description = "The decision in the chain.")
          @Nullable String decision,
      @Option(names = "--example", description = "Print a question to begin with.") boolean example,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    return guarded(
        json,
        reports -> {
          if (example) {
            out.println(CaseSuite.example().toPrettyString());
            return Exit.OK;
          }
          CedarEngine engine = engine(files(folder));
          if (question != null) {
            JsonNode document = JSON.readTree(Files.readString(question));
            Decision now = engine.decide(QuestionJson.read(document));
            reports.explained(engine.sha256(), document, Optional.empty(), now, engine.policies());
            return Exit.OK;
          }
          if (audit == null || decision == null) {
            throw new IllegalArgumentException("give --question, or --audit and --decision");
          }
          List<Replay.Recorded> found =
              RecordedDecisions.in(audit).stream().filter(it -> it.id().equals(decision)).toList();
          if (found.isEmpty()) {
            throw new IllegalArgumentException(audit + " has no decision " + decision);
          }
          for (Replay.Recorded one : found) {
            Decision now = engine.decide(again(one, engine));
            reports.explained(
                engine.sha256(), one.question(), Optional.of(one), now, engine.policies());
          }
          return Exit.OK;
        });
  }

  @Command(
      description = {
        "Decides everything that the audit chain recorded again, under the policies of --folder.",
        "",
        "Prints what would be decided otherwise. Ends with 10 when a recorded question is not the"
            + " one",
        "that its hash is of, or cannot be decided again."
      },
      footer = {"", "Example:", "  exeat policy replay --audit DIR --folder new-policies"})
  int replay(
      @Option(names = "--audit", required = true, paramLabel = "DIR", description = "The chain.")
          Path audit,
      @Option(names = "--folder", paramLabel = "DIR", description = FOLDER) @Nullable Path folder,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    return guarded(
        json,
        reports -> {
          CedarEngine engine = engine(files(folder));
          Replay replay = Replay.of(RecordedDecisions.in(audit), engine);
          reports.replayed(engine.sha256(), replay);
          return replay.undecided().isEmpty() ? Exit.OK : Exit.CHECK_FAILED;
        });
  }

  @Command(
      description = {
        "Compares two sets of policies: which differ, and which of both sets' cases they decide",
        "otherwise."
      },
      footer = {
        "",
        "Example:",
        "  exeat policy diff --folder new-policies --from /etc/exeat/policies"
      })
  int diff(
      @Option(names = "--from", paramLabel = "DIR", description = FOLDER) @Nullable Path from,
      @Option(
              names = "--folder",
              required = true,
              paramLabel = "DIR",
              description = "The new ones.")
          Path folder,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    return guarded(
        json,
        reports -> {
          PolicyFiles before = place.files(Optional.ofNullable(from), "--from");
          PolicyFiles after = files(folder);
          reports.compared(
              PolicyComparison.of(engine(before), engine(after), List.of(before, after)));
          return Exit.OK;
        });
  }

  private static Question again(Replay.Recorded one, CedarEngine engine) {
    try {
      return Replay.question(one, engine);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(one.id() + " " + e.getMessage(), e);
    }
  }

  private static CedarEngine engine(PolicyFiles files) throws BadPolicy {
    CedarEngine engine = new CedarEngine(LONG, new Time(InstantSource.system(), System::nanoTime));
    engine.load(new PolicyFiles(files.source(), files.policies(), new TreeMap<>()));
    return engine;
  }

  private PolicyFiles files(@Nullable Path named) throws IOException {
    return place.files(Optional.ofNullable(named), "--folder");
  }
}

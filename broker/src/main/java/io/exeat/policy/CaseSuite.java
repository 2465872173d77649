package io.exeat.policy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * What policies must decide, as {@code *.cases.yaml} beside them says:
 *
 * <pre>{@code
 * base: { agent.tier: read-only }       # what is not as in question.json, for every case
 * cases:
 *   - name: reads
 *     change: { resource.data_class: personal }
 *     expect: permit                    # or ask, deny
 *     because: [read-only-reads]        # optional: exactly these policies
 * }</pre>
 */
public final class CaseSuite {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<String> WORDS = Set.of("permit", "ask", "deny");
  private static final int MOST_ALIASES = 20;

  private final List<Case> cases;

  /**
   * One question and its answer.
   *
   * @param expect the decision's word
   * @param because the identifiers of the policies that decide, sorted
   */
  public record Case(
      String name, Question question, String expect, Optional<List<String>> because) {}

  private CaseSuite(List<Case> cases) {
    this.cases = List.copyOf(cases);
  }

  /**
   * The cases of all {@code files}, content by name.
   *
   * @throws BadPolicy with the first problem of each file
   */
  public static CaseSuite parse(Map<String, String> files) throws BadPolicy {
    List<Case> cases = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    files.forEach((name, text) -> {
      try {
        cases.addAll(file(name, text));
      } catch (IllegalArgumentException | YamlEngineException e) {
        problems.add(name + ": " + e.getMessage());
      }
    });
    if (!problems.isEmpty()) {
      throw new BadPolicy(problems);
    }
    return new CaseSuite(cases);
  }

  public List<Case> cases() {
    return cases;
  }

  /** A case that was decided otherwise than it says. */
  public record Otherwise(Case expected, Decision was) {
    /** In a line. */
    @Override
    public String toString() {
      return "%s: expected %s%s, was %s"
          .formatted(
              expected.name(),
              expected.expect(),
              expected.because().map(it -> " by " + it).orElse(""),
              show(was));
    }
  }

  /** Those that the engine decides otherwise, each in a line. */
  public List<String> failures(PolicyEngine engine) {
    return otherwise(engine).stream().map(Otherwise::toString).toList();
  }

  /** Those that the engine decides otherwise. */
  public List<Otherwise> otherwise(PolicyEngine engine) {
    List<Otherwise> otherwise = new ArrayList<>();
    for (Case each : cases) {
      Decision decision = engine.decide(each.question());
      List<String> ids = decision.because().stream().map(Reason::policy).sorted().toList();
      boolean same =
          decision.word().equals(each.expect()) && each.because().map(ids::equals).orElse(true);
      if (!same) {
        otherwise.add(new Otherwise(each, decision));
      }
    }
    return otherwise;
  }

  /** A decision in words. */
  public static String show(Decision decision) {
    String because = decision.because().isEmpty() ? "" : " by " + decision.because();
    return switch (decision) {
      case Decision.Permit _ -> "permit" + because;
      case Decision.Ask it -> "ask " + String.join(" and ", it.approvers()) + because;
      case Decision.Deny it -> "deny (" + it.reason() + ")" + because;
      case Decision.Failed it -> "failed: " + it.problem();
    };
  }

  private static List<Case> file(String name, String yaml) {
    LoadSettings settings =
        LoadSettings.builder()
            .setAllowDuplicateKeys(false)
            .setMaxAliasesForCollections(MOST_ALIASES)
            .build();
    JsonNode root = JSON.valueToTree(new Load(settings).loadFromString(yaml));
    only(root, "the file", Set.of("base", "cases"));
    ObjectNode base = example();
    change(base, root.path("base"), "base");
    List<Case> cases = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (JsonNode each : root.path("cases")) {
      String title = each.path("name").asText();
      if (title.isEmpty() || !names.add(title)) {
        throw new IllegalArgumentException(
            "each case needs a name of its own, not '" + title + "'");
      }
      only(each, title, Set.of("name", "change", "expect", "because"));
      ObjectNode question = base.deepCopy();
      change(question, each.path("change"), title);
      cases.add(
          new Case(
              name + ": " + title,
              question(title, question),
              word(title, each.path("expect").asText()),
              because(each.path("because"))));
    }
    if (cases.isEmpty()) {
      throw new IllegalArgumentException("there are no cases");
    }
    return cases;
  }

  /** The question that cases are changes of. */
  public static ObjectNode example() {
    try {
      return (ObjectNode) JSON.readTree(PolicyFiles.resource("question.json"));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("question.json is no JSON", e);
    }
  }

  private static Question question(String title, ObjectNode document) {
    try {
      return QuestionJson.read(document);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(title + ": " + e.getMessage(), e);
    }
  }

  private static String word(String title, String word) {
    if (!WORDS.contains(word)) {
      throw new IllegalArgumentException(title + ": expect must be one of permit, ask, deny");
    }
    return word;
  }

  private static Optional<List<String>> because(JsonNode list) {
    return list.isArray()
        ? Optional.of(list.valueStream().map(JsonNode::asText).sorted().toList())
        : Optional.empty();
  }

  private static void only(JsonNode node, String where, Set<String> keys) {
    if (!node.isObject()) {
      throw new IllegalArgumentException(where + " must be keys with values");
    }
    for (Map.Entry<String, JsonNode> each : node.properties()) {
      if (!keys.contains(each.getKey())) {
        throw new IllegalArgumentException(
            where + ": there is no key " + each.getKey() + "; there are " + new TreeSet<>(keys));
      }
    }
  }

  private static void change(ObjectNode question, JsonNode changes, String title) {
    for (Map.Entry<String, JsonNode> each : changes.properties()) {
      String[] path = each.getKey().split("\\.", 2);
      set(question, path, each.getValue(), title + ": " + each.getKey());
    }
  }

  private static void set(ObjectNode at, String[] path, JsonNode value, String where) {
    if (path.length == 1) {
      at.set(path[0], value);
      return;
    }
    if (!(at.get(path[0]) instanceof ObjectNode below)) {
      throw new IllegalArgumentException(where + ": a question has no such place");
    }
    // What agents choose the names of may have dots in them.
    boolean isName =
        path[0].equals("texts") || path[0].equals("numbers") || path[0].equals("parameters");
    if (isName) {
      throw new IllegalArgumentException(where + ": give " + path[0] + " whole");
    }
    set(below, path[1].split("\\.", 2), value, where);
  }
}

package io.exeat.policy.cedar;

import com.fasterxml.jackson.databind.JsonNode;
import io.exeat.policy.cedar.Expression.CannotEvaluate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A policy's JSON form (Cedar's "JSON policy format") as an expression in Java, which is true where
 * the policy is satisfied. The type check has been passed; what is not known here, extension types
 * among it, is not translated, and stays with Cedar.
 */
final class Translation {
  /** Deeper ones are Cedar's: the stack of a small thread must do. */
  private static final int MOST_DEPTH = 100;

  static final class Untranslated extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Untranslated(String what) {
      super(what, null, false, false);
    }
  }

  /** One that does not look at any facts. */
  private record Constant(Object value) implements Expression {
    @Override
    public Object of(Facts facts) {
      return value;
    }
  }

  private Translation() {}

  /** True where the policy's scope and all its conditions hold; empty when Cedar must be asked. */
  static Optional<Expression> of(JsonNode policy) {
    try {
      Expression all = scope(policy.path("principal"), Facts::principal);
      all = and(all, scope(policy.path("action"), Facts::action));
      all = and(all, scope(policy.path("resource"), Facts::resource));
      for (JsonNode condition : policy.path("conditions")) {
        Expression body = expression(condition.path("body"), 0);
        all =
            and(
                all,
                switch (condition.path("kind").asText()) {
                  case "when" -> body;
                  case "unless" -> not(body);
                  default -> throw new Untranslated(condition.path("kind").asText());
                });
      }
      return Optional.of(all);
    } catch (Untranslated e) {
      return Optional.empty();
    }
  }

  private static Expression scope(JsonNode scope, Expression variable) {
    return switch (scope.path("op").asText()) {
      case "All" -> new Constant(true);
      case "==" -> equal(variable, entity(scope.path("entity")));
      case "in" -> within(variable, entities(scope));
      case "is" -> {
        Expression is = is(variable, text(scope.path("entity_type")));
        JsonNode in = scope.path("in");
        yield in.isMissingNode() ? is : and(is, within(variable, entity(in.path("entity"))));
      }
      default -> throw new Untranslated(scope.toString());
    };
  }

  private static Expression entities(JsonNode scope) {
    if (scope.has("entity")) {
      return entity(scope.path("entity"));
    }
    if (!scope.path("entities").isArray()) {
      throw new Untranslated(scope.toString());
    }
    Set<Object> set = new HashSet<>();
    scope.path("entities").forEach(each -> set.add(entity(each).value()));
    return new Constant(Set.copyOf(set));
  }

  private static Constant entity(JsonNode json) {
    return new Constant(new Uid(text(json.path("type")), text(json.path("id"))));
  }

  private static Expression expression(JsonNode json, int depth) {
    if (json.size() != 1 || !json.isObject() || depth > MOST_DEPTH) {
      throw new Untranslated(json.toString());
    }
    String name = json.fieldNames().next();
    JsonNode body = json.path(name);
    return switch (name) {
      case "Value" -> constant(body);
      case "Var" -> variable(text(body));
      case "Set" -> set(all(body, depth));
      case "Record" -> record(body, depth);
      case "if-then-else" ->
          choice(at(body, "if", depth), at(body, "then", depth), at(body, "else", depth));
      case "!" -> not(at(body, "arg", depth));
      case "neg" -> {
        Expression arg = at(body, "arg", depth);
        yield facts -> exact(() -> Math.negateExact(arg.number(facts)));
      }
      case "isEmpty" -> {
        Expression arg = at(body, "arg", depth);
        yield facts -> arg.set(facts).isEmpty();
      }
      case "." -> attribute(at(body, "left", depth), text(body.path("attr")));
      case "has" -> has(at(body, "left", depth), text(body.path("attr")));
      case "like" -> like(at(body, "left", depth), Pattern.of(body.path("pattern")));
      case "is" -> {
        Expression left = at(body, "left", depth);
        Expression is = is(left, text(body.path("entity_type")));
        yield body.has("in") ? and(is, within(left, at(body, "in", depth))) : is;
      }
      default -> binary(name, at(body, "left", depth), at(body, "right", depth));
    };
  }

  private static Expression at(JsonNode body, String key, int depth) {
    return expression(body.path(key), depth + 1);
  }

  private static Expression binary(String name, Expression left, Expression right) {
    return switch (name) {
      case "&&" -> and(left, right);
      case "||" -> Expression.either(left, right, true);
      case "==" -> equal(left, right);
      case "!=" -> not(equal(left, right));
      case "<" -> facts -> left.number(facts) < right.number(facts);
      case "<=" -> facts -> left.number(facts) <= right.number(facts);
      case ">" -> facts -> left.number(facts) > right.number(facts);
      case ">=" -> facts -> left.number(facts) >= right.number(facts);
      case "+" -> facts -> exact(() -> Math.addExact(left.number(facts), right.number(facts)));
      case "-" -> facts -> exact(() -> Math.subtractExact(left.number(facts), right.number(facts)));
      case "*" -> facts -> exact(() -> Math.multiplyExact(left.number(facts), right.number(facts)));
      case "in" -> within(left, right);
      case "contains" -> facts -> left.set(facts).contains(right.of(facts));
      case "containsAll" -> facts -> left.set(facts).containsAll(right.set(facts));
      case "containsAny" ->
          facts -> {
            Set<?> set = left.set(facts);
            return right.set(facts).stream().anyMatch(set::contains);
          };
      case "hasTag" -> facts -> facts.tag(left.uid(facts), right.text(facts)) != null;
      case "getTag" ->
          facts -> {
            String tag = right.text(facts);
            return present(facts.tag(left.uid(facts), tag), "the tag", tag);
          };
      default -> throw new Untranslated(name);
    };
  }

  private static Expression and(Expression left, Expression right) {
    return left instanceof Constant(Object value) && value.equals(true)
        ? facts -> right.flag(facts)
        : Expression.either(left, right, false);
  }

  private static Expression not(Expression arg) {
    return facts -> !arg.flag(facts);
  }

  private static Expression equal(Expression left, Expression right) {
    return facts -> left.of(facts).equals(right.of(facts));
  }

  /** No entity of the schema has parents. */
  private static Expression within(Expression left, Expression right) {
    return facts -> {
      Uid uid = left.uid(facts);
      return right.of(facts) instanceof Set<?> set
          ? set.contains(uid)
          : right.uid(facts).equals(uid);
    };
  }

  private static Expression is(Expression arg, String type) {
    return facts -> arg.uid(facts).type().equals(type);
  }

  private static Expression choice(Expression condition, Expression then, Expression otherwise) {
    return facts -> condition.flag(facts) ? then.of(facts) : otherwise.of(facts);
  }

  private static Expression like(Expression arg, Pattern pattern) {
    return facts -> pattern.matches(arg.text(facts));
  }

  private static Expression attribute(Expression left, String name) {
    return facts -> present(read(left.of(facts), name, facts), "the attribute", name);
  }

  private static Expression has(Expression left, String name) {
    return facts -> read(left.of(facts), name, facts) != null;
  }

  private static @Nullable Object read(Object from, String name, Facts facts) {
    return switch (from) {
      case Uid uid -> facts.attribute(uid, name);
      case Map<?, ?> record -> record.get(name);
      default -> throw new CannotEvaluate("there is no attribute " + name);
    };
  }

  private static Object present(@Nullable Object value, String what, String name) {
    if (value == null) {
      throw new CannotEvaluate(what + " " + name + " is not there");
    }
    if (value.equals(Facts.NOT_KNOWN)) {
      throw new Expression.NotKnown();
    }
    return value;
  }

  private static Object exact(LongSupplier sum) {
    try {
      return sum.getAsLong();
    } catch (ArithmeticException e) {
      throw new CannotEvaluate("a number is out of range");
    }
  }

  private static Expression variable(String name) {
    return switch (name) {
      case "principal" -> Facts::principal;
      case "action" -> Facts::action;
      case "resource" -> Facts::resource;
      case "context" -> Facts::context;
      default -> throw new Untranslated(name);
    };
  }

  private static Constant constant(JsonNode json) {
    if (json.isBoolean()) {
      return new Constant(json.booleanValue());
    }
    if (json.isIntegralNumber() && json.canConvertToLong()) {
      return new Constant(json.longValue());
    }
    if (json.isTextual()) {
      return new Constant(json.textValue());
    }
    if (json.size() == 1 && json.path("__entity").isObject()) {
      return entity(json.path("__entity"));
    }
    throw new Untranslated(json.toString());
  }

  private static List<Expression> all(JsonNode list, int depth) {
    List<Expression> all = new ArrayList<>();
    list.forEach(each -> all.add(expression(each, depth + 1)));
    return all;
  }

  private static Expression set(List<Expression> elements) {
    if (elements.stream().allMatch(Constant.class::isInstance)) {
      Set<Object> constants = new HashSet<>();
      elements.forEach(each -> constants.add(((Constant) each).value()));
      return new Constant(Set.copyOf(constants));
    }
    return facts -> {
      Set<Object> set = new HashSet<>();
      elements.forEach(each -> set.add(each.of(facts)));
      return set;
    };
  }

  private static Expression record(JsonNode body, int depth) {
    Map<String, Expression> fields = new HashMap<>();
    body.properties()
        .forEach(each -> fields.put(each.getKey(), expression(each.getValue(), depth + 1)));
    return facts -> {
      Map<String, Object> record = new HashMap<>();
      fields.forEach((name, each) -> record.put(name, each.of(facts)));
      return record;
    };
  }

  static String text(JsonNode json) {
    if (!json.isTextual()) {
      throw new Untranslated(json.toString());
    }
    return json.textValue();
  }
}

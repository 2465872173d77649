package io.exeat.policy.cedar;

import com.cedarpolicy.model.AuthorizationRequest;
import com.cedarpolicy.model.entity.Entity;
import com.cedarpolicy.value.CedarList;
import com.cedarpolicy.value.CedarMap;
import com.cedarpolicy.value.EntityTypeName;
import com.cedarpolicy.value.EntityUID;
import com.cedarpolicy.value.PrimBool;
import com.cedarpolicy.value.PrimLong;
import com.cedarpolicy.value.PrimString;
import com.cedarpolicy.value.Value;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Facts as cedar-java takes them, with the entities that they name and no other: each costs.
 *
 * @param request whose context is the question
 */
record Slice(AuthorizationRequest request, Set<Entity> entities) {
  private static final ConcurrentMap<String, EntityTypeName> TYPES = new ConcurrentHashMap<>();

  static Slice of(Facts facts) {
    Set<Entity> entities = new HashSet<>();
    facts
        .attributes()
        .forEach((uid, each) -> entities.add(new Entity(uid(uid), values(each), Set.of())));
    // An entity without tags need not be there: hasTag is false then.
    facts
        .tags()
        .forEach((uid, each) -> {
          if (!each.isEmpty()) {
            entities.add(new Entity(uid(uid), Map.of(), Set.of(), values(each)));
          }
        });
    AuthorizationRequest request =
        new AuthorizationRequest(
            uid(facts.principal()),
            uid(facts.action()),
            uid(facts.resource()),
            values(facts.context()));
    return new Slice(request, entities);
  }

  private static EntityUID uid(Uid uid) {
    return TYPES
        .computeIfAbsent(uid.type(), name -> EntityTypeName.parse(name).orElseThrow())
        .of(uid.id());
  }

  private static Map<String, Value> values(Map<String, ?> values) {
    Map<String, Value> converted = new HashMap<>();
    values.forEach((name, value) -> converted.put(name, value(value)));
    return converted;
  }

  private static Value value(Object value) {
    return switch (value) {
      case Boolean flag -> new PrimBool(flag);
      case Long number -> new PrimLong(number);
      case String text -> new PrimString(text);
      case Uid uid -> uid(uid);
      case Set<?> set -> {
        CedarList list = new CedarList();
        set.forEach(each -> list.add(value(each)));
        yield list;
      }
      case Map<?, ?> map -> {
        CedarMap record = new CedarMap();
        map.forEach((name, each) -> record.put((String) name, value(each)));
        yield record;
      }
      default -> throw new IllegalArgumentException("no value of Cedar: " + value.getClass());
    };
  }
}

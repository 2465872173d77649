package io.exeat.task;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import io.exeat.config.Value;
import io.spiffe.spiffeid.SpiffeId;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The catalogue's agents.
 *
 * @param grants names of those in the catalogue
 * @param intents names of those in the catalogue
 * @param doors the broker's; empty for somebody who decides nothing by it
 */
record AgentFile(
    Collection<String> grants, Collection<String> intents, Optional<ApproverDoors> doors) {
  private static final Pattern UID = Pattern.compile("uid (?<uid>0|[1-9][0-9]{0,8})");
  private static final Shape<String> APPROVER =
      new Shape<>(
          "a SPIFFE ID with a path, or uid and a number, of the operators' socket",
          "",
          true,
          text -> Optional.of(text).filter(it -> UID.matcher(it).matches() || isSpiffeId(it)));

  Map<String, AgentEntry> read(Section root) {
    Map<String, AgentEntry> agents = new LinkedHashMap<>();
    Map<SpiffeId, String> names = new HashMap<>();
    Map<String, String> inVault = new HashMap<>(); // which knows no case
    Map<String, Section> sections = root.named("agents", Shape.name());
    sections.forEach((name, section) -> {
      Value<SpiffeId> id = section.one("spiffe-id", Shape.spiffeId());
      AgentEntry entry = agent(name, id.required(), section);
      String other = id.optional().map(it -> names.putIfAbsent(it, name)).orElse(null);
      String alike =
          id.optional()
              .map(it -> inVault.putIfAbsent(it.toString().toLowerCase(Locale.ROOT), name))
              .orElse(null);
      if (other != null) {
        section.problem("spiffe-id", "is agent " + other + "'s already");
      } else if (alike != null) {
        section.problem(
            "spiffe-id",
            "differs from agent " + alike + "'s in case alone: Vault takes them for one");
      }
      agents.put(name, entry);
    });
    agents.forEach(
        (name, entry) -> requirePeople(entry, names, Objects.requireNonNull(sections.get(name))));
    return agents;
  }

  private AgentEntry agent(String name, SpiffeId id, Section section) {
    return new AgentEntry(
        name,
        id,
        section.one("owner", Shape.text(200)).required(),
        Set.copyOf(section.all("approvers", APPROVER).or(List.of())),
        section.one("escalation", Shape.text(200)).required(),
        Set.copyOf(section.all("grants", Shape.nameOf("grant", grants)).required()),
        Set.copyOf(section.all("intents", Shape.nameOf("intent", intents)).required()),
        section
            .one("max-lifetime", Shape.duration(Duration.ofSeconds(1), Duration.ofDays(1)))
            .or(Duration.ofHours(1)),
        CatalogueFile.budget(section, Budget.OF_AN_AGENT),
        bindings(section),
        section.one("tier", Shape.oneOf(Tier.class)).or(Tier.STANDARD));
  }

  private static boolean isSpiffeId(String text) {
    return Shape.spiffeId().parser().apply(text).isPresent();
  }

  /**
   * An agent's yes is no person's, neither its own nor another's; and whom no door lets in says
   * none.
   */
  private void requirePeople(AgentEntry entry, Map<SpiffeId, String> agents, Section section) {
    agents.forEach((id, name) -> {
      if (entry.approvers().contains(id.toString())) {
        section.problem(
            "approvers",
            name.equals(entry.name())
                ? id + " is this agent itself; name people"
                : "%s is agent %s; name people".formatted(id, name));
      }
    });
    doors.ifPresent(those -> {
      for (String approver : new TreeSet<>(entry.approvers())) {
        requireLetIn(approver, those, section);
      }
    });
  }

  private static void requireLetIn(String approver, ApproverDoors doors, Section section) {
    Matcher uid = UID.matcher(approver);
    if (!uid.matches()) {
      if (!doors.mtls()) {
        section.problem(
            "approvers",
            approver
                + " can come by the broker's mTLS address alone, and it has none: set"
                + " listen.address, or name a uid of admin.uids");
      }
    } else if (!doors.uids().contains(Integer.parseInt(uid.group("uid")))) {
      section.problem(
          "approvers",
          approver
              + " is not in admin.uids, which alone may use the operators' socket: add it there,"
              + " as an operator, or name a SPIFFE ID");
    }
  }

  private static Set<Binding> bindings(Section section) {
    List<Binding> bindings =
        section.all("bindings", Shape.oneOf(Binding.class)).or(List.of(Binding.PROCESS));
    if (bindings.isEmpty()) {
      section.problem("bindings", "must name at least one; without the key it is [process]");
    }
    return Set.copyOf(bindings);
  }
}

package io.exeat.task;

import io.exeat.config.Section;
import io.exeat.config.Shape;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Reads what the catalogue says of databases: {@code postgres}. */
final class PostgresFile {
  private static final String IDENTIFIER = "[a-z_][a-z0-9_]{0,62}";
  private static final Shape<String> DATABASE =
      Shape.matching(
          Pattern.compile("[a-z_][a-z0-9_-]{0,62}"),
          "a database name of 1 to 63 characters of a-z, 0-9, _ and -, not beginning with 0-9 or"
              + " -");
  private static final Shape<String> RIGHT =
      Shape.nameOf("right", Set.of("select", "insert", "update", "delete"));
  private static final Shape<Table> TABLE =
      new Shape<>(
          "<schema>.<table>, each of 1 to 63 characters of a-z, 0-9 and _, not beginning with 0-9",
          new Table("", ""),
          true,
          Table::parse);

  private PostgresFile() {}

  static Target.Postgres target(String name, String environment, Section at, Shape<String> host) {
    return new Target.Postgres(
        name,
        environment,
        at.one("host", host).required(),
        at.one("port", Shape.number(1, 65_535)).or(5432),
        at.one("database", DATABASE).required(),
        at.one("tls", Shape.flag()).or(true));
  }

  static Grant.Kind grant(Section grant) {
    Section postgres = grant.section("postgres");
    List<Grant.Privilege> privileges =
        postgres.listed("privileges").stream().map(PostgresFile::privilege).toList();
    if (privileges.isEmpty()) {
      grant.problem(
          "postgres", "must have privileges, such as [{on: public.orders, allow: [select]}]");
    }
    return new Grant.Kind.Postgres(privileges);
  }

  private static Grant.Privilege privilege(Section section) {
    Table table = section.one("on", TABLE).required();
    Set<String> rights =
        CatalogueFile.atLeastOne(section, "allow", RIGHT).stream()
            .map(right -> right.toUpperCase(Locale.ROOT))
            .collect(Collectors.toUnmodifiableSet());
    return new Grant.Privilege(rights, table.schema(), table.name());
  }

  private record Table(String schema, String name) {
    static Optional<Table> parse(String text) {
      String[] parts = text.split("\\.", -1);
      return parts.length == 2 && parts[0].matches(IDENTIFIER) && parts[1].matches(IDENTIFIER)
          ? Optional.of(new Table(parts[0], parts[1]))
          : Optional.empty();
    }
  }
}

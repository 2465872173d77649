package io.exeat.gateway.mcp.stdio;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Issued;
import io.exeat.task.Target;
import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A server's words, environment and files, with what was lent filled in. */
record Launch(List<String> words, Map<String, String> environment) {
  private static final String PASSWORD_FILE = "pgpass";

  /**
   * For one process; its files are in {@code folder} when this returns.
   *
   * @param lent empty where the upstream's grant lends nothing
   */
  static Launch of(
      UpstreamEntry.Server.Command command, Optional<Issued> lent, PrivateFolder folder) {
    Map<String, String> values = lent.map(Launch::values).orElseGet(Map::of);
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put("HOME", folder.path().toString());
    if (command.libpq()) {
      environment.put("PGHOST", values.getOrDefault("host", ""));
      environment.put("PGPORT", values.getOrDefault("port", ""));
      environment.put("PGDATABASE", values.getOrDefault("database", ""));
      environment.put("PGUSER", values.getOrDefault("user", ""));
      environment.put(
          "PGPASSFILE", folder.write(PASSWORD_FILE, bytes(passwordLine(values))).toString());
    }
    command.environment().forEach((name, value) -> environment.put(name, value.fill(values)));
    command
        .files()
        .forEach((name, content) ->
            environment.put(
                name,
                folder
                    .write(name.toLowerCase(java.util.Locale.ROOT), bytes(content.fill(values)))
                    .toString()));
    return new Launch(
        command.words().stream().map(word -> word.fill(values)).toList(), environment);
  }

  /** What the places of a {@link Template} stand for. */
  private static Map<String, String> values(Issued lent) {
    Map<String, String> values = new HashMap<>();
    String user = lent.credential().principal();
    String secret = lent.secret().read(it -> new String(it, StandardCharsets.UTF_8));
    values.put("user", user);
    values.put("secret", secret);
    values.put("basic", Base64.getEncoder().encodeToString(bytes(user + ":" + secret))); // RFC 7617
    switch (lent.target()) {
      case Target.Postgres it -> {
        values.put("host", it.host());
        values.put("port", Integer.toString(it.port()));
        values.put("database", it.database());
      }
      case Target.Kubernetes it -> {
        values.put("host", it.host());
        values.put("port", Integer.toString(it.port()));
      }
      case Target.Pki _, Target.Ssh _ ->
          throw new FaultException(new Fault.Denied("no tool server is lent a certificate"));
      case Target.Service it -> values.put("host", it.host());
    }
    return values;
  }

  /** As libpq's documentation says of the password file: every field but the password for all. */
  private static String passwordLine(Map<String, String> values) {
    String secret = values.getOrDefault("secret", "").replace("\\", "\\\\").replace(":", "\\:");
    return "*:*:*:*:" + secret + "\n";
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Of the words alone: the environment holds secrets. */
  @Override
  public String toString() {
    return String.join(" ", words);
  }
}

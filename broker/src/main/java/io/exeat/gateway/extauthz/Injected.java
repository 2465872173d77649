package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Issued;
import io.exeat.flow.Use;
import io.exeat.task.Target;
import io.exeat.task.Template;
import io.exeat.task.UpstreamEntry;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** The headers that an upstream's catalogue entry asks for, filled with what was lent. */
final class Injected {
  private Injected() {}

  /**
   * @throws FaultException Denied when the upstream is not one that Envoy can reach, or what was
   *     lent does not fit into a header
   */
  static Map<String, String> into(UpstreamEntry upstream, Use use) {
    if (!(upstream.server() instanceof UpstreamEntry.Server.Url url)) {
      throw denied(
          "upstream " + upstream.name() + " is a process; only the MCP gateway reaches it");
    }
    Map<String, String> values = use.credential().map(Injected::values).orElse(Map.of());
    Map<String, String> headers = new LinkedHashMap<>();
    for (Map.Entry<String, Template> each : url.headers().entrySet()) {
      if (!values.keySet().containsAll(each.getValue().places())) {
        throw denied("header " + each.getKey() + " needs a credential, and the grant lends none");
      }
      String value = each.getValue().fill(values);
      if (value.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
        throw denied("header " + each.getKey() + " cannot hold what was lent");
      }
      headers.put(each.getKey(), value);
    }
    return headers;
  }

  private static Map<String, String> values(Issued issued) {
    String user = issued.credential().principal();
    String secret = issued.secret().read(bytes -> new String(bytes, UTF_8));
    Map<String, String> values = new LinkedHashMap<>();
    values.put("user", user);
    values.put("secret", secret);
    values.put("basic", Base64.getEncoder().encodeToString((user + ":" + secret).getBytes(UTF_8)));
    values.put("host", issued.target().host());
    if (issued.target() instanceof Target.Postgres database) {
      values.put("port", Integer.toString(database.port()));
      values.put("database", database.database());
    }
    return values;
  }

  private static FaultException denied(String why) {
    return new FaultException(new Fault.Denied(why));
  }
}

package io.exeat.gateway.mcp;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.flow.Issued;
import io.exeat.flow.Use;
import io.exeat.task.Target;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** What a {@link io.exeat.task.Template}'s places are filled with. */
public final class Filling {
  private Filling() {}

  /**
   * The values for the credential of {@code use}; none when nothing was lent. They hold the secret:
   * to be used at once and not kept.
   */
  public static Map<String, String> of(Use use) {
    Optional<Issued> credential = use.credential();
    if (credential.isEmpty()) {
      return Map.of();
    }
    Issued issued = credential.get();
    String user = issued.credential().principal();
    String secret = issued.secret().read(bytes -> new String(bytes, UTF_8));
    Map<String, String> values = new HashMap<>();
    values.put("user", user);
    values.put("secret", secret);
    values.put("basic", Base64.getEncoder().encodeToString((user + ":" + secret).getBytes(UTF_8)));
    values.put("host", issued.target().host());
    switch (issued.target()) {
      case Target.Postgres it -> {
        values.put("port", Integer.toString(it.port()));
        values.put("database", it.database());
      }
      case Target.Kubernetes it -> {
        values.put("port", Integer.toString(it.port()));
      }
      case Target.Pki _, Target.Ssh _ ->
          throw new FaultException(new Fault.Denied("no tool server is lent a certificate"));
      case Target.Service _ -> {}
    }
    return values;
  }
}

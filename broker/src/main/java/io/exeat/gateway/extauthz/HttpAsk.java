package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.envoy.auth.AttributeContext;
import io.exeat.envoy.auth.AttributeContext.HttpRequest;
import io.exeat.envoy.auth.HeaderValue;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A request as Envoy describes it. What comes from the agent: method, path, headers and body. What
 * comes from Envoy itself: the principal, and the route's extensions.
 *
 * @param headers names in lower case; several of one name are joined with a comma
 * @param principal whom Envoy's listener has verified; empty when nobody showed a certificate
 * @param upstream the catalogue's name of the route's upstream
 */
record HttpAsk(
    String method,
    String path,
    Map<String, String> headers,
    ByteString body,
    String principal,
    String upstream,
    boolean isPlainHttp) {
  /** Where the agent names its task. */
  static final String TASK = "exeat-task";

  static final String PARTIAL = "x-envoy-auth-partial-body";

  /** In the route's configuration: the upstream's name, and {@code http} for plain HTTP. */
  static final String UPSTREAM = "exeat-upstream";

  static final String KIND = "exeat-kind";

  /** What proxies and servers read in one way alone: no dot segments, no encoded separators. */
  private static final Pattern PATH =
      Pattern.compile(
          "(?i)/(?!.*(?://|/\\.{1,2}(?:/|$)|%2f|%5c|%2e|%25|%00))"
              + "(?:[a-z0-9._~!$&'()*+,=:@/-]|%[0-9a-f]{2})*");

  /**
   * @throws FaultException Malformed when it could be read in two ways
   */
  static HttpAsk of(AttributeContext context) {
    HttpRequest http = context.getRequest().getHttp();
    Map<String, String> headers = headers(http);
    if (headers.containsKey("upgrade") || headers.containsKey("content-encoding")) {
      throw malformed("headers", "must not have upgrade or content-encoding");
    }
    String path = http.getPath().split("\\?", 2)[0];
    if (http.getPath().length() > 8_192 || !PATH.matcher(path).matches()) {
      throw malformed("path", "must be one that can be read in one way alone");
    }
    return new HttpAsk(
        http.getMethod(),
        http.getPath(),
        headers,
        http.getRawBody(),
        context.getSource().getPrincipal(),
        context.getContextExtensionsOrDefault(UPSTREAM, ""),
        context.getContextExtensionsOrDefault(KIND, "mcp").equals("http"));
  }

  private static Map<String, String> headers(HttpRequest http) {
    Map<String, String> headers = new TreeMap<>();
    http.getHeadersMap().forEach((name, value) -> headers.merge(lower(name), value, HttpAsk::join));
    for (HeaderValue each : http.getHeaderMap().getHeadersList()) {
      String value =
          each.getRawValue().isEmpty() ? each.getValue() : each.getRawValue().toString(UTF_8);
      headers.merge(lower(each.getKey()), value, HttpAsk::join);
    }
    return headers;
  }

  private static String join(String one, String more) {
    return one + "," + more;
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  /** Whether what is judged is what the upstream would get. */
  static boolean isWhole(AttributeContext context) {
    HttpRequest http = context.getRequest().getHttp();
    return headers(http).getOrDefault(PARTIAL, "false").equals("false")
        && (http.getSize() < 0 || http.getSize() == http.getRawBody().size())
        && http.getBody().isEmpty();
  }

  /**
   * The task that the agent names, if it names one.
   *
   * @throws FaultException Malformed
   */
  Optional<TaskId> task() {
    return Optional.ofNullable(headers.get(TASK)).map(TaskId::new);
  }

  String pathWithoutQuery() {
    return path.split("\\?", 2)[0];
  }

  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name));
  }

  static FaultException malformed(String field, String problem) {
    return new FaultException(new Fault.Malformed(field, problem));
  }
}

package io.exeat.gateway.extauthz;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.exeat.base.Fault;
import io.exeat.base.FaultException;
import io.exeat.base.TaskId;
import io.exeat.envoy.auth.AttributeContext;
import io.exeat.envoy.auth.AttributeContext.HttpRequest;
import io.exeat.envoy.auth.HeaderValue;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

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

  private static final int MOST_PATH = 8_192;

  /** Of a path, beside letters and digits (RFC 3986, 3.3), but for ; which some servers cut at. */
  private static final String PLAIN = "/._~!$&'()*+,=:@-";

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
    if (http.getPath().length() > MOST_PATH || !isPlain(path)) {
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

  /** What proxies and servers read in one way alone: no dot segments, no encoded separators. */
  private static boolean isPlain(String path) {
    boolean steps =
        Arrays.stream(path.split("/", -1)).anyMatch(it -> it.equals(".") || it.equals(".."));
    if (!path.startsWith("/") || path.contains("//") || steps) {
      return false;
    }
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '%') {
        int high = i + 2 < path.length() ? Character.digit(path.charAt(i + 1), 16) : -1;
        int low = high < 0 ? -1 : Character.digit(path.charAt(i + 2), 16);
        int coded = high * 16 + low;
        if (low < 0 || coded < ' ' || coded == 0x7f || "/\\.%".indexOf(coded) >= 0) {
          return false;
        }
        i += 2;
      } else if (c > 0x7f || !(Character.isLetterOrDigit(c) || PLAIN.indexOf(c) >= 0)) {
        return false;
      }
    }
    return true;
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

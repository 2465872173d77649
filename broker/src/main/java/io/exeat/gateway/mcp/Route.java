package io.exeat.gateway.mcp;

import io.exeat.base.TaskId;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code /<upstream>/mcp} or {@code /t/<task>/<upstream>/mcp}. */
record Route(String upstream, Optional<TaskId> task) {
  private static final Pattern PATH =
      Pattern.compile("(?:/t/(?<task>[0-9a-z]{21}))?/(?<upstream>[a-z0-9-]{1,63})/mcp");

  static Route of(String path) {
    Matcher matcher = PATH.matcher(path);
    if (!matcher.matches()) {
      throw new Refusal(404);
    }
    return new Route(
        matcher.group("upstream"), Optional.ofNullable(matcher.group("task")).map(TaskId::new));
  }
}

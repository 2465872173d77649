package io.exeat.revoke.kubernetes;

import io.exeat.base.Time;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;

/** What time an API server says it is: it dates the tokens that it makes. */
final class ClusterClock {
  private ClusterClock() {}

  /**
   * How far it is ahead of ours when {@code said} has just come. It tells whole seconds, each of
   * which is any moment of that second.
   */
  static Duration ahead(ApiServer.Said said, Time time) throws IOException {
    Instant now = time.now();
    try {
      Instant from =
          ZonedDateTime.parse(said.date().orElse(""), DateTimeFormatter.RFC_1123_DATE_TIME)
              .toInstant();
      Instant to = from.plusSeconds(1);
      return now.isBefore(from)
          ? Duration.between(now, from)
          : now.isAfter(to) ? Duration.between(now, to) : Duration.ZERO;
    } catch (DateTimeException e) {
      throw new IOException("its Date header is no date", e);
    }
  }
}

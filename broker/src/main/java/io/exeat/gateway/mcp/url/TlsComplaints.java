package io.exeat.gateway.mcp.url;

import io.exeat.base.Time;
import io.exeat.task.UpstreamEntry;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;

/**
 * What an operator has to know and the agent has not: why TLS with a server fails. Each server's is
 * said once a minute at most.
 */
final class TlsComplaints {
  private static final Duration QUIET = Duration.ofMinutes(1);
  private static final int LONGEST = 300;

  private final Logger log;
  private final Time time;

  /** By the catalogue's names of servers: until when nothing is said. */
  private final ConcurrentMap<String, Long> quiet = new ConcurrentHashMap<>();

  TlsComplaints(Logger log, Time time) {
    this.log = log;
    this.time = time;
  }

  void say(String name, UpstreamEntry.Server.Url server, SSLException why) {
    Long until = quiet.get(name);
    if (until != null && !time.reached(until)) {
      return;
    }
    Long next = time.after(QUIET);
    boolean first =
        until == null ? quiet.putIfAbsent(name, next) == null : quiet.replace(name, until, next);
    if (first) {
      log.warn(
          "No TLS with the tool server {}: {}. {} (Said once a minute.)",
          name,
          clean(String.valueOf(why.getMessage())),
          advice("upstreams." + name, server));
    }
  }

  private static String advice(String entry, UpstreamEntry.Server.Url server) {
    String host = server.url().getHost();
    if (server.id().isPresent()) {
      return "It must show an SVID of %s, which %s.spiffe-id says, and take ours: compare the IDs,"
              .formatted(server.id().get(), entry)
          + " and see that each side has the other's trust bundle.";
    }
    return server
        .ca()
        .map(ca ->
            "Its certificate must be for %s, by an authority in %s, which %s.ca says: put the one"
                    .formatted(host, ca, entry)
                + " that signed it there, or mend the host in the URL.")
        .orElseGet(() ->
            "Its certificate must be for %s, by an authority that the system knows: where it is"
                    .formatted(host)
                + " by one of your own, name that in %s.ca, or the server's SPIFFE ID in"
                    .formatted(entry)
                + " %s.spiffe-id.".formatted(entry));
  }

  /** Some reasons quote what the server sent. */
  private static String clean(String reason) {
    String cut = reason.length() > LONGEST ? reason.substring(0, LONGEST) + "..." : reason;
    return cut.replaceAll("\\p{Cntrl}", "?");
  }
}

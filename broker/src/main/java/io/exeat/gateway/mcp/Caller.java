package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.exeat.base.TaskId;
import io.exeat.task.UpstreamEntry;
import java.util.Map;
import java.util.Optional;

/**
 * Who asks what server, under which task.
 *
 * @param session of the legacy era, if there is one
 * @param headers of MCP's, to be passed on
 */
record Caller(
    Exchange exchange,
    Peer peer,
    UpstreamEntry entry,
    TaskId task,
    Optional<Sessions.Session> session,
    Map<String, String> headers,
    boolean modern) {
  Definitions.Place place() {
    return new Definitions.Place(
        entry.name(), session.map(Sessions.Session::id).orElse(task.value()));
  }

  Listing.Viewer viewer() {
    return new Listing.Viewer(peer, task, place(), modern);
  }

  Optional<String> theirs() {
    return session.flatMap(Sessions.Session::theirs);
  }
}

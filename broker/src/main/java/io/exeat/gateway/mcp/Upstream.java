package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import io.exeat.flow.Use;
import io.exeat.task.UpstreamEntry;

/**
 * The way to tool servers of one kind: by URL, or as processes of the broker's. It knows no agent
 * and decides nothing; whatever reaches it has been permitted and is on record.
 *
 * <p>Calls come on virtual threads of their own and may block. Many come at once, also under one
 * session: a listening stream stays open beside other calls.
 *
 * <p>What it keeps for later calls, such as a process or a connection that knows the credential, it
 * keeps for one {@link Use#epoch} and one entry, and ends it when {@link Use#whenEnded} says so,
 * within 50 ms, whether or not anybody is being answered. It puts the credential of the use where
 * the entry says, and never into a message, a log or an exception.
 */
public interface Upstream extends AutoCloseable {
  /**
   * Passes one message on, or opens or ends a session's stream, and returns as soon as the answer
   * begins.
   *
   * <ul>
   *   <li>{@link Outgoing.Post} of a request: status 200 and either {@link Answer#whole}, the one
   *       response, or a stream of events whose last one is the response. What the server sends
   *       meanwhile and means for this request (progress, in the legacy era its own requests)
   *       belongs into that stream. A server that cannot tell may send it all there.
   *   <li>{@link Outgoing.Post} of a notification or a response: status 202, nothing more.
   *   <li>{@link Outgoing.Listen} (legacy): a stream that stays open, or status 405.
   *   <li>{@link Outgoing.End} (legacy): the session is over; status 200 or 204, or 405.
   * </ul>
   *
   * <p>An {@code initialize} may begin a session, which {@link Answer#session} names; later calls
   * name it. A session that is not known any more is status 404.
   *
   * @param use what it is done under; permitted
   * @throws io.exeat.base.FaultException Unavailable TARGET when the server cannot be reached or
   *     does not begin to answer within {@code entry.timeout()}
   */
  Answer send(UpstreamEntry entry, Use use, Outgoing ask);

  /**
   * Whether an agent may use the server at all.
   *
   * @throws io.exeat.base.FaultException Denied when the agent could read what the server is lent
   */
  default void require(UpstreamEntry entry, Peer peer) {}

  /** Ends everything that is kept. */
  @Override
  void close();
}

package io.exeat.gateway.mcp;

import io.exeat.attest.Peer;
import java.io.IOException;
import java.util.Map;

/** One HTTP request and its answer, as a door has it. Used by one thread, apart from its end. */
interface Exchange {
  /**
   * Who asks.
   *
   * @throws io.exeat.base.FaultException Unattested when the door found nobody
   */
  Peer peer();

  String method();

  /** Without query; as it was sent. */
  String path();

  Headers headers();

  byte[] body();

  /** Answers whole. */
  void answer(int status, Map<String, String> headers, byte[] body);

  /** Answers with status 200 and events, as they come. */
  Sink stream(Map<String, String> headers);

  /** Runs {@code then} once the asker is gone, on any thread; at once when that is so. */
  void onGone(Runnable then);

  /** Where events go. */
  interface Sink extends AutoCloseable {
    /**
     * Returns when the event is out.
     *
     * @throws IOException when nobody is there any more
     */
    void send(byte[] event) throws IOException;

    /** There are no more. */
    @Override
    void close();
  }
}

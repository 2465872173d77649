package io.exeat.gateway.mcp;

import io.exeat.base.Fault;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;

/** What is no request: refused before anybody is asked about it, and the connection with it. */
enum Unreadable {
  TOO_LARGE(413, "must be at most %,d bytes".formatted(HttpServer.BODY_BYTES)),
  LINE_TOO_LONG(414, "must begin with a line of at most 4 KiB"),
  HEADERS_TOO_LONG(431, "must have at most 32 KiB of headers"),
  /** Two readers could read it as two things (RFC 9112, section 11.2). */
  NOT_PLAIN(400, "must be HTTP/1.1 that can be read in one way alone"),
  TOO_EARLY(400, "must come after the answer to the one before");

  private final int status;
  private final String problem;

  Unreadable(int status, String problem) {
    this.status = status;
    this.problem = problem;
  }

  /** Why a request could not be read. */
  static Unreadable of(Throwable cause) {
    return switch (cause) {
      case TooLongHttpLineException _ -> LINE_TOO_LONG;
      case TooLongHttpHeaderException _ -> HEADERS_TOO_LONG;
      default -> NOT_PLAIN;
    };
  }

  HttpResponseStatus status() {
    return HttpResponseStatus.valueOf(status);
  }

  /** Of what was sent, nothing is in it. */
  Fault fault() {
    return new Fault.Malformed("request", problem);
  }
}

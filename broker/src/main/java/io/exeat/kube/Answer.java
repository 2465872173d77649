package io.exeat.kube;

/**
 * An HTTP answer.
 *
 * @param type of the content
 * @param about what was decided, for the log; without anything from the request but checked names
 */
public record Answer(int status, String type, String body, String about) {
  static Answer text(int status, String text) {
    return new Answer(status, "text/plain; charset=utf-8", text + "\n", text);
  }
}

package io.exeat.gateway.mcp.stdio;

import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;

/**
 * What a server says beside its answers, on its way to the broker's log: some lines of it, each of
 * bounded length, without control characters and without the secret that was lent.
 */
final class Noise implements Conversation.Log {
  private static final int LONGEST = 500;
  private static final int MOST_A_MINUTE = 60;
  private static final String SCRUBBED = "***";

  private final Logger log;
  private final String whose;
  private final Optional<SecretBytes> secret;
  private final Time time;
  private long minute;
  private int said;

  /**
   * For one server.
   *
   * @param whose stands before each line
   */
  Noise(Logger log, String whose, Optional<SecretBytes> secret, Time time) {
    this.log = log;
    this.whose = whose;
    this.secret = secret;
    this.time = time;
    this.minute = time.after(Duration.ofMinutes(1));
  }

  @Override
  public synchronized void line(String words) {
    if (time.reached(minute)) {
      minute = time.after(Duration.ofMinutes(1));
      said = 0;
    }
    said++;
    if (said > MOST_A_MINUTE) {
      return;
    }
    String more = said == MOST_A_MINUTE ? " (and no more for a minute)" : "";
    log.info("{}: {}{}", whose, clean(words), more);
  }

  private String clean(String words) {
    String text = words;
    try {
      for (String form : secret.map(Noise::forms).orElseGet(List::of)) {
        text = text.replace(form, SCRUBBED);
      }
    } catch (IllegalStateException e) {
      return "(words after its end)"; // the secret is gone, and with it the way to find it
    }
    // Scrubbed as a whole, cut afterwards: half a secret would not be found.
    String cut = text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text;
    return cut.replaceAll("\\p{Cntrl}", "?");
  }

  /**
   * As it stands, percent-encoded, and in base64 wherever in a text it began; the longest first.
   */
  private static List<String> forms(SecretBytes secret) {
    return secret.read(bytes -> {
      String plain = new String(bytes, StandardCharsets.UTF_8);
      List<String> forms = new ArrayList<>();
      forms.add(plain);
      forms.add(URLEncoder.encode(plain, StandardCharsets.UTF_8));
      for (int before = 0; before < 3; before++) {
        byte[] shifted = new byte[before + bytes.length];
        System.arraycopy(bytes, 0, shifted, before, bytes.length);
        String encoded = Base64.getEncoder().withoutPadding().encodeToString(shifted);
        // The characters at both ends depend on the neighbours, too.
        int from = before == 0 ? 0 : before + 1;
        int to = shifted.length % 3 == 0 ? encoded.length() : encoded.length() - 1;
        if (to - from >= 8) {
          forms.add(encoded.substring(from, to));
          forms.add(encoded.substring(from, to).replace('+', '-').replace('/', '_'));
        }
      }
      forms.removeIf(String::isEmpty);
      forms.sort(Comparator.comparingInt(String::length).reversed());
      return forms;
    });
  }
}

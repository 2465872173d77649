package io.exeat.gateway.mcp.stdio;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.exeat.base.SecretBytes;
import io.exeat.base.Time;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class NoiseTest {
  private static final String SECRET = "k9/+w:ord-of the task";

  private final AtomicLong nanos = new AtomicLong();
  private final ListAppender<ILoggingEvent> said = new ListAppender<>();
  private final SecretBytes secret = SecretBytes.adopt(SECRET.getBytes(StandardCharsets.UTF_8));
  private final Noise noise = noise();

  private Noise noise() {
    LoggerContext context = new LoggerContext();
    Logger log = context.getLogger("noise");
    log.setLevel(Level.INFO);
    said.setContext(context);
    said.start();
    log.addAppender(said);
    return new Noise(log, "server", Optional.of(secret), new Time(Clock.systemUTC(), nanos::get));
  }

  private List<String> lines() {
    return said.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  @Test
  void theSecretIsNotInIt() {
    noise.line("password=" + SECRET + ".");
    noise.line("url=" + java.net.URLEncoder.encode(SECRET, StandardCharsets.UTF_8));
    for (String before : List.of("", "u", "us", "use", "user:")) {
      byte[] whole = (before + SECRET + ":end").getBytes(StandardCharsets.UTF_8);
      noise.line(Base64.getEncoder().encodeToString(whole));
      noise.line(Base64.getUrlEncoder().encodeToString(whole));
    }
    noise.line("x".repeat(495) + SECRET);
    assertThat(lines()).hasSize(13).allMatch(line -> line.contains("***"));
    assertThat(lines().getFirst()).isEqualTo("server: password=***.");
    assertThat(String.join(" ", lines())).doesNotContain("k9/");
  }

  @Test
  void afterItsEndNothingIsRepeated() {
    secret.close();
    noise.line("password=" + SECRET);
    assertThat(lines()).containsExactly("server: (words after its end)");
  }

  @Test
  void itIsShortAndHasNoControlCharacters() {
    noise.line("\u001b[31m" + "y".repeat(10_000));
    assertThat(lines().getFirst()).hasSizeLessThan(600).startsWith("server: ?[31my");
  }

  @Test
  void itIsLittle() {
    for (int i = 0; i < 1_000; i++) {
      noise.line("word");
    }
    assertThat(lines()).hasSize(60);
    nanos.addAndGet(60_000_000_000L);
    noise.line("word");
    assertThat(lines()).hasSize(61);
  }
}

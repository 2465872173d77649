package io.exeat.policy.opa;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.exeat.policy.CaseSuite;
import io.exeat.policy.Decision;
import io.exeat.policy.PolicyConfig;
import io.exeat.policy.PolicyEngines;
import io.exeat.policy.Question;
import io.exeat.policy.QuestionJson;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A server that changes its bundles at the worst moment, which a real one cannot be made to do;
 * what it says is what OPA 1.22 says. The contract on a real one is OpaEngineIT.
 */
@SuppressWarnings("NullAway.Init") // because JUnit calls start first
final class OpaEngineTest {
  private static final Question QUESTION = QuestionJson.read(CaseSuite.example());

  private final AtomicInteger looks = new AtomicInteger();
  private HttpServer server;
  private OpaEngine engine;
  private volatile Supplier<String> text = () -> "package p";
  private volatile Supplier<String> seen = () -> "one";
  private volatile String decided = "one";
  private volatile boolean stalls;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    answer(
        "/v1/policies", () -> "{\"result\":[{\"id\":\"p\",\"raw\":\"%s\"}]}".formatted(text.get()));
    answer(
        "/v1/data/system/bundles",
        () -> {
          var _ = looks.incrementAndGet();
          return "{\"result\":{},%s}".formatted(provenance(seen.get()));
        });
    answer(
        "/v1/data/p/decision",
        () -> "{\"result\":{\"decision\":\"permit\"},%s}".formatted(provenance(decided)));
    server.start();
    URI address = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    engine =
        new OpaEngine(
            new PolicyConfig.Opa(address, "p/decision", PolicyEngines.LONG), PolicyEngines.TIME);
  }

  private static String provenance(String revision) {
    return "\"provenance\":{\"version\":\"1.22.2\",\"bundles\":{\"b\":{\"revision\":\"%s\"}}}"
        .formatted(revision);
  }

  private void answer(String path, Supplier<String> text) {
    server.createContext(
        path,
        exchange -> {
          exchange.getRequestBody().readAllBytes();
          byte[] bytes = text.get().getBytes(UTF_8);
          exchange.sendResponseHeaders(200, bytes.length);
          if (stalls) {
            exchange.getResponseBody().write(bytes, 0, 1);
            exchange.getResponseBody().flush();
            return; // and nothing more comes
          }
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  @AfterEach
  void stop() {
    engine.close();
    server.stop(0);
  }

  @Test
  void whileTheRevisionIsTheSameNobodyLooksForADecision() {
    engine.look();
    int before = looks.get();
    assertThat(engine.decide(QUESTION).word()).isEqualTo("permit");
    assertThat(engine.decide(QUESTION).policy()).isEqualTo(engine.served().sha256());
    assertThat(looks).hasValue(before);
  }

  @Test
  void aDecisionUnderANewRevisionHasTheHashOfThatOne() {
    engine.look();
    String one = engine.served().sha256();
    seen = () -> "two";
    decided = "two";
    Decision decision = engine.decide(QUESTION);
    assertThat(decision.word()).isEqualTo("permit");
    assertThat(decision.policy()).hasSize(64).isNotEqualTo(one).isEqualTo(engine.served().sha256());
  }

  @Test
  void aDecisionUnderARevisionThatIsNoLongerThereIsNone() {
    engine.look();
    decided = "none that is seen";
    Decision decision = engine.decide(QUESTION);
    assertThat(decision).isInstanceOf(Decision.Failed.class);
    assertThat(((Decision.Failed) decision).problem()).contains("another bundle meanwhile");
    assertThat(engine.health().available()).isTrue();
  }

  @Test
  void policiesThatAreReadWhileABundleIsTakenAreReadAgain() {
    AtomicInteger looked = new AtomicInteger();
    AtomicInteger read = new AtomicInteger();
    seen = () -> looked.getAndIncrement() < 1 ? "one" : "two";
    text = () -> read.getAndIncrement() < 1 ? "of one" : "of two";
    engine.look();
    String sha256 = engine.served().sha256();
    assertThat(engine.served().bundles()).isEqualTo("b at revision 'two'");
    assertThat(engine.health().available()).isTrue();
    engine.look();
    assertThat(engine.served().sha256()).isEqualTo(sha256);
  }

  @Test
  @Timeout(30)
  void anAnswerThatBeginsAndDoesNotEndIsNone() {
    var address = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    Duration within = Duration.ofMillis(300);
    try (OpaEngine hasty =
        new OpaEngine(new PolicyConfig.Opa(address, "p/decision", within), PolicyEngines.TIME)) {
      hasty.look();
      assertThat(hasty.decide(QUESTION).word()).isEqualTo("permit");
      stalls = true;

      Decision decision = hasty.decide(QUESTION);

      assertThat(decision).isInstanceOf(Decision.Failed.class);
      assertThat(((Decision.Failed) decision).problem()).contains("no answer within 300 ms");
      hasty.look();
      assertThat(hasty.health().problem().orElseThrow()).contains("no answer within ");
    }
  }

  @Test
  void aServerThatTakesOneBundleAfterAnotherGivesNoDecisions() {
    AtomicInteger next = new AtomicInteger();
    seen = () -> "r" + next.incrementAndGet();
    engine.look();
    assertThat(engine.health().problem().orElseThrow())
        .contains("everything is denied", "one bundle after another");
    assertThat(engine.decide(QUESTION)).isInstanceOf(Decision.Failed.class);
  }
}

package io.exeat.policy;

import io.exeat.base.Time;
import io.exeat.policy.cedar.CedarEngine;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.TreeMap;

/** Engines for tests; the machines that run these may be slow. */
public final class PolicyEngines {
  public static final Time TIME = new Time(InstantSource.system(), System::nanoTime);
  public static final Duration LONG = Duration.ofSeconds(5);

  private PolicyEngines() {}

  /** Cedar with the policies that ship. */
  public static CedarEngine shipped() {
    return cedar(PolicyFiles.shipped());
  }

  /** Cedar with these policies, in one file. */
  public static CedarEngine of(String policies) {
    return cedar(files(policies, Map.of()));
  }

  /**
   * A set of one file.
   *
   * @param cases content by file name
   */
  public static PolicyFiles files(String policies, Map<String, String> cases) {
    return new PolicyFiles(
        "a test", new TreeMap<>(Map.of("test.cedar", policies)), new TreeMap<>(cases));
  }

  private static CedarEngine cedar(PolicyFiles files) {
    CedarEngine engine = new CedarEngine(LONG, TIME);
    try {
      engine.load(files);
    } catch (BadPolicy e) {
      throw new IllegalStateException(e);
    }
    return engine;
  }
}

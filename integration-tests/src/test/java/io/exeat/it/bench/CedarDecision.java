package io.exeat.it.bench;

import io.exeat.policy.Decision;
import io.exeat.policy.Question;
import io.exeat.policy.cedar.CedarBench;
import io.exeat.policy.cedar.CedarEngine;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** For JMH: one decision, with 100 policies in force and 100 agents and 100 grants in turns. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class CedarDecision {
  private final CedarEngine engine = CedarBench.engine();
  private final List<Question> questions = CedarBench.questions();
  private int next;

  @Benchmark
  public Decision decide() {
    return engine.decide(questions.get(next++ % questions.size()));
  }
}

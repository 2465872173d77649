package io.exeat.gateway.metrics;

import io.exeat.base.Fault;
import io.exeat.base.Spread;
import io.exeat.flow.Readings;
import io.exeat.flow.Status;
import io.exeat.gateway.Faults;
import io.exeat.revoke.Unproven;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The text that Prometheus reads; no name of a task, an agent or a credential is in it. */
final class Exposition {
  static final String TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private final MetricSnapshots.Builder all = MetricSnapshots.builder();

  private Exposition() {}

  static byte[] of(Measured measured) {
    Exposition exposition = new Exposition();
    exposition.gauge(
        "exeat_uptime_seconds", "Since the start.", seconds(measured.vitals().uptime()));
    exposition.dependencies(measured.vitals().dependencies());
    measured
        .policyAge()
        .ifPresent(age ->
            exposition.gauge(
                "exeat_policy_age_seconds", "Since policies were last taken in.", seconds(age)));
    measured.policy().ifPresent(exposition::policy);
    exposition.histogram(
        "exeat_write_seconds",
        "How long a fact or a record waited until it was on disk.",
        "file",
        measured.writes());
    measured.readings().ifPresent(exposition::readings);
    return exposition.text();
  }

  private void dependencies(List<Status.Dependency> dependencies) {
    GaugeSnapshot.Builder up =
        GaugeSnapshot.builder()
            .name("exeat_dependency_up")
            .help("Whether it is there: 1, or 0; exeat status says what is wrong.");
    dependencies.forEach(each ->
        up.dataPoint(gauge(each.problem().isEmpty() ? 1 : 0, Labels.of("name", each.name()))));
    all.metricSnapshot(up.build());
  }

  private void policy(String sha256) {
    all.metricSnapshot(
        GaugeSnapshot.builder()
            .name("exeat_policy")
            .help("1 for the hash of the policies in force, which every decision names.")
            .dataPoint(gauge(1, Labels.of("sha256", sha256)))
            .build());
  }

  private void readings(Readings readings) {
    Status.Counts counts = readings.counts();
    states("exeat_tasks", "Tasks.", "open", counts.tasksOpen(), "ending", counts.tasksEnding());
    states(
        "exeat_credentials",
        "Credentials that are not proven dead.",
        "active",
        counts.credentialsActive(),
        "revoking",
        counts.credentialsRevoking());
    revoking(readings.revoking());
    gauge(
        "exeat_receipts_waiting",
        "Receipts that wait for an SVID, or for the audit.",
        readings.receiptsWaiting());
    histogram("exeat_call_seconds", "Calls that were answered.", "method", readings.calls());
    histogram(
        "exeat_death_seconds",
        "From the asking for an end until the proof of it.",
        "of",
        Map.of("all", readings.deaths()));
    refused(readings.refused());
  }

  private void states(String name, String help, String one, int ones, String other, int others) {
    all.metricSnapshot(
        GaugeSnapshot.builder()
            .name(name)
            .help(help)
            .dataPoint(gauge(ones, Labels.of("state", one)))
            .dataPoint(gauge(others, Labels.of("state", other)))
            .build());
  }

  private void revoking(List<Unproven> revoking) {
    Map<String, List<Duration>> ages = new TreeMap<>();
    revoking.forEach(
        each -> ages.computeIfAbsent(each.waitsFor(), _ -> new ArrayList<>()).add(each.age()));
    GaugeSnapshot.Builder count =
        GaugeSnapshot.builder()
            .name("exeat_revocations")
            .help("What is not proven dead yet, by what is away; ALIVE when all answer.");
    GaugeSnapshot.Builder oldest =
        GaugeSnapshot.builder()
            .name("exeat_revocation_oldest_seconds")
            .help("How long the oldest of them has been asked for.");
    ages.forEach((waitsFor, each) -> {
      Labels labels = Labels.of("waits_for", waitsFor);
      count.dataPoint(gauge(each.size(), labels));
      oldest.dataPoint(
          gauge(each.stream().mapToDouble(Exposition::seconds).max().orElse(0), labels));
    });
    all.metricSnapshot(count.build());
    all.metricSnapshot(oldest.build());
  }

  private void refused(Map<Fault, Long> refused) {
    Map<Labels, Long> sums = new TreeMap<>();
    refused.forEach((fault, times) -> {
      String away = fault instanceof Fault.Unavailable it ? it.dependency().name() : "";
      sums.merge(Labels.of("reason", Faults.reason(fault), "away", away), times, Long::sum);
    });
    CounterSnapshot.Builder counter =
        CounterSnapshot.builder().name("exeat_refusals").help("Calls of agents refused.");
    sums.forEach((labels, times) ->
        counter.dataPoint(CounterDataPointSnapshot.builder().value(times).labels(labels).build()));
    all.metricSnapshot(counter.build());
  }

  private void histogram(String name, String help, String label, Map<String, Spread.Seen> spreads) {
    HistogramSnapshot.Builder histogram = HistogramSnapshot.builder().name(name).help(help);
    new TreeMap<>(spreads)
        .forEach((which, seen) -> {
          List<Double> bounds = new ArrayList<>(seen.bounds());
          bounds.add(Double.POSITIVE_INFINITY);
          histogram.dataPoint(
              HistogramDataPointSnapshot.builder()
                  .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, seen.counts()))
                  .sum(seen.seconds())
                  .labels(Labels.of(label, which))
                  .build());
        });
    all.metricSnapshot(histogram.build());
  }

  private void gauge(String name, String help, double value) {
    all.metricSnapshot(
        GaugeSnapshot.builder()
            .name(name)
            .help(help)
            .dataPoint(gauge(value, Labels.EMPTY))
            .build());
  }

  private static GaugeDataPointSnapshot gauge(double value, Labels labels) {
    return GaugeDataPointSnapshot.builder().value(value).labels(labels).build();
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }

  private byte[] text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream(8192);
    try {
      PrometheusTextFormatWriter.create()
          .write(out, all.build(), EscapingScheme.UNDERSCORE_ESCAPING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}

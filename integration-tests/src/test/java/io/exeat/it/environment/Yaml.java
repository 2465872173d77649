package io.exeat.it.environment;

import java.nio.file.Path;
import java.util.Optional;

/** {@code exeat.yaml} for the forms, everything in one folder; and the catalogue. */
final class Yaml {
  private static final String AGENTS = "spiffe://example.org/host/h1/agent/*";

  /** Of the agent's entry, in mode {@code workload-api}. */
  static final String POD_HINT = "agent";

  private Yaml() {}

  static String allInOne(Stage stage, Deployment.Plan plan, Path folder) {
    return common(Stage.BROKER.toString(), plan.place(), folder)
        + attestation(plan.place())
        + broker(stage, plan, folder);
  }

  /** The broker that sidecars relay to. */
  static String behindRelay(Stage stage, Deployment.Plan plan, Path folder, int port) {
    return common(Stage.BROKER.toString(), plan.place(), folder)
        + """
        attestation: {mtls: {agents: "%s", grace: %ds}}
        listen: {address: "127.0.0.1:%d", operators: ["%s", "%s"]%s}
        """
            .formatted(
                AGENTS,
                plan.grace().toSeconds(),
                port,
                Stage.OPERATORS.getFirst(),
                Stage.OPERATORS.getLast(),
                plan.svidLife().isEmpty() ? "" : ", max-connection-age: 10s, age-grace: 15s")
        + broker(stage, plan, folder);
  }

  /** What is not a pod's own, with a catalogue in the same folder. */
  static String inACluster(Stage stage, Stage.Place place, Path folder) {
    return broker(stage, Deployment.Plan.of(stage, Deployment.Form.ALL_IN_ONE, place), folder)
        .replace(stage.catalogue().toString(), folder.resolve("catalogue.yaml").toString());
  }

  static String relaying(Stage.Place place, Path folder, int port) {
    return common(Stage.SIDECAR.toString(), place, folder)
        + attestation(place)
        + """
        relay: {to: "127.0.0.1:%d", broker: "%s"}
        """
            .formatted(port, Stage.BROKER);
  }

  private static String common(String id, Stage.Place place, Path folder) {
    return """
    spiffe: {id: "%1$s", workload-api: %2$s}
    socket: {path: %3$s/run/agent.sock%4$s}
    admin: {path: %3$s/run/admin.sock}
    metrics: {path: %3$s/run/metrics.sock}
    """
        .formatted(
            id,
            place.workloadApi(),
            folder,
            Optional.of(OtherUser.GROUP)
                .filter(group -> !group.isEmpty())
                .map(group -> ", group: " + group)
                .orElse(""));
  }

  private static String attestation(Stage.Place place) {
    if (place.mode().equals("workload-api")) {
      return """
      attestation: {mode: workload-api, agent: "%s", hint: %s, uid: %d}
      """
          .formatted(Stage.AGENT, POD_HINT, OtherUser.AGENT);
    }
    return """
    attestation: {mode: %s, socket: %s, agents: "%s", recheck: 1s}
    """
        .formatted(place.mode(), place.attestation(), AGENTS);
  }

  private static String broker(Stage stage, Deployment.Plan plan, Path folder) {
    return """
    vault:
      address: "%1$s"
      ca: %2$s
      audience: %3$s
      mount: %4$s
      role: %5$s
      timeout: %10$s
      longest-task: 1h
      session-ttl: %9$ds
    catalogue: {path: %6$s}
    journal: {folder: %7$s}
    audit: {folder: %8$s}
    policy: {within: 2s}
    """
        .formatted(
            plan.vault(),
            stage.vault().ca(),
            Stage.AUDIENCE,
            plan.place().mount(),
            plan.place().role(),
            stage.catalogue(),
            plan.journal().orElse(folder.resolve("journal")),
            plan.audit().orElse(folder.resolve("audit")),
            plan.place().heartbeat().toSeconds(),
            // Under load on a small machine, an answer of Vault's may take longer than 3 s.
            plan.svidLife().isEmpty() ? "3s" : "15s");
  }

  /** What agents may be lent; one of them nobody may have, one is not handed out. */
  static String catalogue(int port) {
    return """
    version: 1
    targets:
      orders-db:
        environment: test
        postgres: {host: 127.0.0.1, port: %d, database: %s, tls: false}
      orders-api:
        environment: test
        pki: {host: orders.example.org, mount: pki, issuer: shop}
      hosts:
        environment: test
        ssh: {host: 127.0.0.1, mount: ssh}
    grants:
      hosts-run:
        target: hosts
        actions: [run]
        data-class: internal
        delivery: raw
        lease: 30s
        recall: none
        ssh: {users: [web], command: "echo let in"}
      orders-tls:
        target: orders-api
        actions: [call]
        data-class: internal
        delivery: raw
        lease: 5m
        certificate: {names: [clerk.shop.example.org], uris: ["spiffe://example.org/orders-api/clerk"]}
      orders-read:
        target: orders-db
        actions: [read]
        data-class: internal
        delivery: raw
        lease: 12s
        max-issues-per-minute: 100000
        postgres: {privileges: [{on: public.orders, allow: [select]}]}
      orders-write:
        target: orders-db
        actions: [read, write]
        data-class: internal
        delivery: raw
        lease: 12s
        max-issues-per-minute: 100000
        tools: [orders.refund]
        postgres: {privileges: [{on: public.orders, allow: [select, update]}]}
      orders-proxied:
        target: orders-db
        actions: [read]
        data-class: internal
        postgres: {privileges: [{on: public.orders, allow: [select]}]}
      payroll-read:
        target: orders-db
        actions: [read]
        data-class: secret
        delivery: raw
        postgres: {privileges: [{on: public.payroll, allow: [select]}]}
    intents:
      answer-ticket:
        description: Answer one ticket of a customer
        parameters: {ticket: {pattern: "[0-9]{1,9}"}}
    tools:
      orders.refund: {step: execute, risk: 95, reads-outside: true}
    agents:
      clerk:
        spiffe-id: %s
        owner: the scenarios
        approvers: [uid 0]
        escalation: whoever runs them
        grants: [orders-read, orders-write, orders-proxied, orders-tls, hosts-run]
        intents: [answer-ticket]
        max-lifetime: 10m
        max-open-tasks: 5000
        max-live-credentials: 10000
        max-issues-per-minute: 100000
        bindings: [process, identity]
      reader:
        spiffe-id: %s
        owner: the scenarios
        escalation: whoever runs them
        grants: [orders-read]
        intents: [answer-ticket]
        max-lifetime: 10m
        max-issues-per-minute: 6000
      hasty:
        spiffe-id: %s
        owner: the scenarios
        escalation: whoever runs them
        grants: [orders-read]
        intents: [answer-ticket]
        max-lifetime: 10m
        max-live-credentials: 5
        max-issues-per-minute: 20
    """
        .formatted(port, Stage.DATABASE, Stage.AGENT, Stage.OTHER, Stage.HASTY);
  }
}

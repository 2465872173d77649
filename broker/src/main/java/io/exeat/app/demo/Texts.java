package io.exeat.app.demo;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/** The demo's configuration: what a person would write. */
final class Texts {
  private Texts() {}

  static String catalogue(int port) {
    return """
    version: 1
    targets:
      orders-db:
        environment: demo
        postgres: {host: 127.0.0.1, port: %d, database: orders, tls: false}
    grants:
      orders-read:
        target: orders-db
        actions: [read]
        data-class: internal
        delivery: raw
        lease: 60s
        postgres: {privileges: [{on: public.orders, allow: [select]}]}
      orders-write:
        target: orders-db
        actions: [read, write]
        data-class: internal
        delivery: raw
        lease: 60s
        postgres: {privileges: [{on: public.orders, allow: [select, update]}]}
    intents:
      answer-ticket:
        description: Answer one ticket of a customer
        parameters: {ticket: {pattern: "[0-9]{1,9}"}}
    agents:
      support:
        spiffe-id: %s
        owner: support team
        escalation: the demo's reader
        grants: [orders-read, orders-write]
        intents: [answer-ticket]
        max-lifetime: 10m
        bindings: [process, identity]
    """
        .formatted(port, Issuer.AGENT);
  }

  static String config(Path folder, Issuer issuer, URI vault, Path ca, Optional<String> group) {
    return """
    spiffe: {id: "%2$s", workload-api: %3$s}
    attestation: {mode: %4$s, socket: %5$s, agents: "spiffe://example.org/host/demo/agent/*"}
    socket: {path: %1$s/run/agent.sock%8$s}
    admin: {path: %1$s/run/admin.sock}
    vault: {address: "%6$s", ca: %7$s, longest-task: 1h, session-ttl: %9$ds}
    catalogue: {path: %1$s/catalogue.yaml}
    journal: {folder: %1$s/journal}
    audit: {folder: %1$s/audit}
    policy: {within: 1s}
    """
        .formatted(
            folder,
            Issuer.BROKER,
            issuer.workloadSocket(),
            issuer.mode(),
            issuer.brokerSocket(),
            vault,
            ca,
            group.map(it -> ", group: " + it).orElse(""),
            Stage.SESSION_TTL.toSeconds());
  }
}

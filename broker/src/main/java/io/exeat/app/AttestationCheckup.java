package io.exeat.app;

import io.exeat.attest.AttestConfig;
import io.exeat.attest.Issuer;
import io.exeat.attest.Peer;
import io.exeat.attest.PidNamespace;
import io.exeat.attest.UnixPeers;
import io.exeat.attest.workloadapi.Choice;
import io.exeat.base.CannotStart;
import io.exeat.base.FaultException;
import io.exeat.base.Subscription;
import io.exeat.identity.IdPattern;
import io.exeat.identity.Svid;
import io.exeat.task.AgentEntry;
import io.exeat.task.Catalogue;
import io.spiffe.spiffeid.SpiffeId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The doctor's look at how agents are attested: whether PIDs mean the same to SPIRE, whether it
 * answers us, and the agents' entries as far as they can be seen from here.
 */
final class AttestationCheckup {
  private static final String ENTRY = "agent-entry";

  private final Findings findings;
  private final Party party;
  private final SpiffeId own;
  private final boolean svid;
  private final Optional<Catalogue> catalogue;
  private final List<Integer> pids;

  /**
   * @param svid whether we have one to ask with
   * @param catalogue empty where it is elsewhere, or wrong
   * @param pids of agents' running processes
   */
  AttestationCheckup(
      Findings findings,
      Party party,
      SpiffeId own,
      boolean svid,
      Optional<Catalogue> catalogue,
      List<Integer> pids) {
    this.findings = findings;
    this.party = party;
    this.own = own;
    this.svid = svid;
    this.catalogue = catalogue;
    this.pids = pids;
  }

  void look(AttestConfig attestation) {
    attestation
        .local()
        .ifPresentOrElse(
            this::local,
            () ->
                findings.ok(
                    "pid-namespace", "", "no PIDs are sent: no mode for Unix sockets is set"));
    attestation.mtls().ifPresent(this::bringTheirOwn);
  }

  private void local(AttestConfig.Local mode) {
    switch (mode) {
      case AttestConfig.WorkloadApi it -> {
        findings.ok("pid-namespace", "", "no PIDs are sent in mode workload-api");
        podAgent(it);
      }
      case AttestConfig.BrokerApi it -> byPid(mode, it.socket(), it.agents(), it.timing());
      case AttestConfig.Development it -> byPid(mode, it.socket(), it.agents(), it.timing());
      case AttestConfig.Delegated it -> byPid(mode, it.socket(), it.agents(), it.timing());
    }
  }

  /** The pod's agent has an entry that matches the sidecar's own container too. */
  private void podAgent(AttestConfig.WorkloadApi mode) {
    String mend =
        "register "
            + mode.agent()
            + (mode.hint().isEmpty() ? "" : " with hint " + mode.hint())
            + " by selectors of the whole pod, without a container's name";
    if (!svid) {
      findings.unseen(ENTRY, mode.agent().toString(), "there is no own SVID", "mend svid first");
      return;
    }
    String agent = mode.agent().toString();
    switch (Choice.ofAgent(mode, party.identity())) {
      case Choice.One(Svid its) -> findings.ok(ENTRY, agent, "valid until " + its.notAfter());
      case Choice.None(String why) -> findings.wrong(ENTRY, agent, why, mend);
      case Choice.Several(String what, String remedy) -> findings.wrong(ENTRY, agent, what, remedy);
    }
    catalogue
        .filter(it -> it.agent(mode.agent()).isEmpty())
        .ifPresent(it -> notInCatalogue(mode.agent().toString()));
  }

  private void byPid(
      AttestConfig.Local mode, Path socket, IdPattern agents, AttestConfig.Timing timing) {
    catalogue.ifPresent(it -> it.agents().values().forEach(agent -> allowed(agent, agents)));
    if (!IdentityCheckup.connects(findings, "attestation", socket, "attestation.socket")) {
      findings.unseen("pid-namespace", "", "nobody listens there", "mend attestation first");
      return;
    }
    try {
      PidNamespace.check(socket, party.transport(), timing.within());
      findings.ok("pid-namespace", "", "that of the SPIRE agent at " + socket);
    } catch (CannotStart e) {
      String[] said = String.valueOf(e.getMessage()).split("\n *", 2);
      findings.wrong("pid-namespace", "", said[0], said[1]);
      return;
    } catch (FaultException e) {
      findings.wrong("pid-namespace", "", String.valueOf(e.getMessage()), "mend attestation");
      return;
    }
    if (!svid) {
      findings.unseen(ENTRY, "", "there is no own SVID to ask with", "mend svid first");
      return;
    }
    try (Issuer issuer = party.issuer(mode)) {
      vouches(issuer, socket, timing, agents);
    } catch (IllegalStateException | FaultException e) {
      findings.wrong(
          "attestation", socket.toString(), String.valueOf(e.getMessage()), "see attestation.mode");
    }
  }

  private void vouches(Issuer issuer, Path socket, AttestConfig.Timing timing, IdPattern agents) {
    Answer self = ask(issuer, Math.toIntExact(ProcessHandle.current().pid()), timing);
    if (self.problem().isEmpty() && self.ids().contains(own)) {
      findings.ok("attestation", socket.toString(), "answers this broker about processes");
    } else {
      findings.wrong(
          "attestation",
          socket.toString(),
          "does not say who this process is" + self.problem().map(it -> ": " + it).orElse(""),
          "let the SPIRE agent answer "
              + own
              + " (experimental.broker's brokers, or authorized_delegates), and restart it");
      return;
    }
    Set<SpiffeId> seen = new HashSet<>();
    pids.forEach(pid -> seen.addAll(process(issuer, pid, timing, agents)));
    catalogue.ifPresent(it ->
        new TreeMap<>(it.agents())
            .forEach((name, agent) -> {
              if (agents.test(agent.id()) && !seen.contains(agent.id())) {
                findings.unseen(
                    ENTRY,
                    name,
                    "SPIRE tells of " + agent.id() + " by its processes alone",
                    "start the agent, then: exeat doctor --pid <its PID>");
              }
            }));
  }

  private Set<SpiffeId> process(
      Issuer issuer, int pid, AttestConfig.Timing timing, IdPattern agents) {
    Answer answer = ask(issuer, pid, timing);
    Set<SpiffeId> matching = new HashSet<>(answer.ids());
    matching.removeIf(id -> !agents.test(id));
    String subject = "process " + pid;
    if (matching.size() == 1) {
      SpiffeId id = matching.iterator().next();
      findings.ok(ENTRY, subject, "is " + id);
      catalogue.filter(it -> it.agent(id).isEmpty()).ifPresent(_ -> notInCatalogue(id.toString()));
    } else {
      findings.wrong(
          ENTRY,
          subject,
          answer
              .problem()
              .orElse(answer.ids() + " of which " + matching.size() + " match " + agents),
          "give it one entry that matches "
              + agents
              + ": spire-server entry create … -selector unix:uid:<the agent's>");
    }
    return matching;
  }

  private void allowed(AgentEntry agent, IdPattern agents) {
    if (!agents.test(agent.id())) {
      findings.wrong(
          ENTRY,
          agent.name(),
          agent.id() + " does not match attestation.agents, " + agents,
          "mend attestation.agents, or the catalogue's spiffe-id");
    }
  }

  private void notInCatalogue(String id) {
    findings.wrong(
        ENTRY,
        id,
        "has no entry in the catalogue, so it may hold nothing",
        "add it to catalogue.agents");
  }

  private void bringTheirOwn(AttestConfig.Mtls mtls) {
    catalogue.ifPresent(it ->
        new TreeMap<>(it.agents())
            .forEach((name, agent) -> {
              if (!mtls.agents().test(agent.id())) {
                return;
              }
              if (svid
                  && party.identity().trust().authorities(agent.id().getTrustDomain()).isEmpty()) {
                findings.wrong(
                    ENTRY,
                    name,
                    "there is no trust bundle of " + agent.id().getTrustDomain(),
                    "federate the trust domains: spire-server bundle set, and federatesWith "
                        + own);
              } else {
                findings.unseen(
                    ENTRY,
                    name,
                    "over mTLS it brings an SVID of its own",
                    "where it runs: spire-agent api fetch x509");
              }
            }));
  }

  /** What an issuer says of one process. */
  private record Answer(List<SpiffeId> ids, Optional<String> problem) {}

  private Answer ask(Issuer issuer, int pid, AttestConfig.Timing timing) {
    CompletableFuture<Answer> first = new CompletableFuture<>();
    try {
      Peer.Local peer = UnixPeers.process(pid, party.transport().loop().next());
      issuer.admit(peer);
      try (Subscription _ = issuer.watch(peer, new First(first))) {
        return first.get(timing.within().toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (FaultException e) {
      return new Answer(List.of(), Optional.of(Findings.words(e)));
    } catch (TimeoutException | ExecutionException e) {
      return new Answer(
          List.of(), Optional.of("no answer within " + timing.within().toSeconds() + " s"));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Answer(List.of(), Optional.of("interrupted"));
    }
  }

  private record First(CompletableFuture<Answer> answer) implements Issuer.Answers {
    @Override
    public void entitled(List<Svid> svids) {
      List<SpiffeId> ids = new ArrayList<>();
      svids.forEach(svid -> ids.add(svid.id()));
      answer.complete(
          new Answer(
              ids, ids.isEmpty() ? Optional.of("there is no entry for it") : Optional.empty()));
    }

    @Override
    public void refused(String why) {
      answer.complete(new Answer(List.of(), Optional.of(why)));
    }

    @Override
    public void interrupted(String why) {
      answer.complete(new Answer(List.of(), Optional.of(why)));
    }
  }
}

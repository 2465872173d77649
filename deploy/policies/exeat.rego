# The policies of exeat.cedar and tiers.cedar for an OPA server: the same questions, the same answers, held together by one
# suite of cases. input is the question (question.json shows one).
#
# data.exeat.decision is {"decision": "permit" | "ask" | "deny", "because": [...], "approvers": [...], "reason": "..."}.
package exeat

import rego.v1

decision := {"decision": "deny", "because": sort(forbidding), "approvers": [], "reason": reason} if {
	count(final) > 0
	reason := forbid[sort(final)[0]].reason
} else := {"decision": "deny", "because": [], "approvers": [], "reason": "no policy permits it"} if {
	count(permit) == 0
	count(forbidding) == 0
} else := {"decision": "deny", "because": sort(forbidding), "approvers": [], "reason": reason} if {
	count(permit) == 0
	reason := forbid[sort(forbidding)[0]].reason
} else := {"decision": "ask", "because": sort(forbidding), "approvers": approvers, "reason": ""} if {
	count(forbidding) > 0
	approvers := sort({forbid[id].ask | some id in forbidding})
} else := {"decision": "permit", "because": sort(permit), "approvers": [], "reason": ""}


forbidding := {id | some id, _ in forbid}

# Forbidden whoever says yes.
final := {id | some id, rule in forbid; not rule.ask}

acts := {"issue", "call", "connect", "request"}

strict if input.agent.tier in {"regulated", "production"}

read_from_outside if count(input.history.outside) > 0

reads_only if input.resource.actions == ["read"]

approved(by) if by in input.approvals

# --- what holds for every tier

forbid["outside-then-no-administration"] := {"reason": "the task has read from outside, so it may not administer anything; open another task for that"} if {
	read_from_outside
	input.step == "administer"
}

forbid["outside-then-writes-are-approved"] := {"ask": "owner", "reason": "the task has read from outside, so what changes something needs its owner's yes"} if {
	input.action in acts
	read_from_outside
	input.step == "execute"
	not approved("owner")
}

forbid["pivot-is-approved"] := {"ask": "operator", "reason": "the task has retrieved and executed; administering on top of that needs an operator's yes"} if {
	"retrieve" in input.history.steps
	"execute" in input.history.steps
	input.step == "administer"
	not approved("operator")
}

forbid["sensitive-data-stays"] := {"reason": "the task has read data that must not leave; nothing may be sent outside any more"} if {
	input.destination.outside
	some class in input.history.data_classes
	class in {"personal", "regulated", "secret"}
}

forbid["production-writes-are-approved"] := {"ask": "owner", "reason": "changing production needs the owner's yes"} if {
	input.action in acts
	input.resource.environment == "production"
	not reads_only
	not approved("owner")
}

forbid["highest-risk-is-approved"] := {"ask": "operator", "reason": "a risk of 90 and more needs an operator's yes"} if {
	input.risk >= 90
	not approved("operator")
}

forbid["budget"] := {"reason": "the task has used its budget of 10,000 acts; open another one"} if input.history.calls >= 10000

forbid["retries-end"] := {"reason": "the task has repeated itself 1,000 times; something is wrong with it"} if input.history.retries >= 1000

forbid["probing-ends"] := {"reason": "the task was denied 100 times; it gets nothing any more"} if input.history.denials >= 100

forbid["no-endless-delegation"] := {"reason": "leave may be passed on four times at most"} if {
	input.action == "delegate"
	input.task.depth >= 4
}

# --- the tiers

permit contains "standard" if input.agent.tier == "standard"

permit contains "read-only-opens" if {
	input.agent.tier == "read-only"
	input.action in {"open", "rescope"}
}

permit contains "read-only-reads" if {
	input.agent.tier == "read-only"
	input.action in {"hold", "issue", "call", "read", "prompt", "connect", "query"}
	reads_only
}

forbid["read-only-never-executes"] := {"reason": "the agent is read-only"} if {
	input.agent.tier == "read-only"
	input.step in {"execute", "administer"}
}

forbid["read-only-sends-nothing-out"] := {"reason": "the agent is read-only: nothing is sent outside"} if {
	input.agent.tier == "read-only"
	input.destination.outside
}

permit contains "planner-plans" if {
	input.agent.tier == "planner"
	input.action in {"open", "rescope", "delegate"}
}

forbid["planner-holds-no-data"] := {"reason": "a planner holds no data: hand the work to a worker"} if {
	input.agent.tier == "planner"
	input.action in {"hold", "issue", "call", "read", "prompt", "connect", "query", "request"}
}

permit contains "strict" if strict

forbid["strict-is-short"] := {"reason": "a task of this tier may last 15 minutes at most"} if {
	strict
	input.action in {"open", "rescope"}
	input.task.lifetime_ms > 900000
}

forbid["strict-is-approved"] := {"ask": "owner", "reason": "each act of this tier needs the owner's yes"} if {
	strict
	input.action in acts | {"delegate"}
	not approved("owner")
}

forbid["strict-data-stays"] := {"reason": "the task has read data, and nothing of this tier leaves after that"} if {
	strict
	input.destination.outside
	count(input.history.data_classes) > 0
}

forbid["strict-looks-into-everything"] := {"reason": "an argument is too long to be looked into"} if {
	strict
	count(input.arguments.omitted) > 0
}

forbid["strict-is-not-passed-on-twice"] := {"reason": "leave of this tier is passed on once at most"} if {
	strict
	input.action == "delegate"
	input.task.depth >= 1
}

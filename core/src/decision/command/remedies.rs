//! What an operator can do about a refused command (DESIGN section 7): never a dead end.

use serde_json::json;

use super::CommandFacts;
use super::condition::Condition;
use crate::explain::Remedy;
use crate::id::NodeId;
use crate::rules::RuleId;

/// What an operator can do about each failed rule, in the order of the rules.
#[must_use]
pub fn remedies(facts: &CommandFacts, failed: &[RuleId]) -> Vec<Remedy> {
    Condition::ALL
        .iter()
        .filter(|condition| failed.contains(&condition.rule()))
        .map(|condition| remedy_of(facts, *condition))
        .collect()
}

fn remedy_of(facts: &CommandFacts, condition: Condition) -> Remedy {
    let rule = condition.rule();
    let here = facts.node.clone();
    let holder = facts.authority.holder.clone();
    match condition {
        Condition::ExplicitRequest => {
            look(rule, "see the epoch that the ledger is in", here, "/v1/authority")
        }
        Condition::ByHolder => look(rule, "ask the holder", holder, "/v1/authority"),
        Condition::NotHalted => look(rule, "see the cause of the halt", here, "/v1/status"),
        Condition::HeirIsMember | Condition::NeverAdmitted | Condition::Removable => {
            look(rule, "see the members", holder, "/v1/members")
        }
        Condition::HeirIsPulling => Remedy {
            rule,
            action: "let it pull from the holder, then ask again",
            node_id: Some(facts.command.subject().clone()),
            method: "POST",
            path: "/v1/replication/resume",
            body: Some(json!({ "reason": "" })),
        },
        Condition::HeirMayBeGranted => Remedy {
            rule,
            action: "relinquish to it, then be granted the next epoch here on its decline",
            node_id: Some(holder),
            method: "POST",
            path: "/v1/authority/relinquish",
            body: Some(asked(facts, facts.command.subject())),
        },
        Condition::ProvesTheEnd => decline(facts, rule),
        Condition::NoObligation | Condition::ReleasesTheHeir | Condition::OwesNobodyElse => {
            release(facts, rule)
        }
    }
}

fn asked(facts: &CommandFacts, successor: &NodeId) -> serde_json::Value {
    json!({ "successor": successor, "expected_epoch": facts.authority.epoch, "reason": "" })
}

/// The node that the obligation is towards is the one whose word ends it.
fn decline(facts: &CommandFacts, rule: RuleId) -> Remedy {
    let Some(heir) = &facts.authority.succession else {
        let holder = facts.authority.holder.clone();
        return look(rule, "see who is successor", holder, "/v1/authority");
    };
    Remedy {
        rule,
        action: "have the node that the obligation is towards decline, and present that",
        node_id: Some(heir.successor().clone()),
        method: "POST",
        path: "/v1/authority/decline",
        body: Some(json!({ "expected_epoch": facts.authority.epoch, "reason": "" })),
    }
}

fn look(rule: RuleId, action: &'static str, node_id: NodeId, path: &'static str) -> Remedy {
    Remedy { rule, action, node_id: Some(node_id), method: "GET", path, body: None }
}

fn release(facts: &CommandFacts, rule: RuleId) -> Remedy {
    let holder = facts.authority.holder.clone();
    let Some(heir) = &facts.authority.succession else {
        return look(rule, "see who is successor", holder, "/v1/authority");
    };
    Remedy {
        rule,
        action: "release the successor in force",
        node_id: Some(holder),
        method: "POST",
        path: "/v1/authority/release",
        body: Some(asked(facts, heir.successor())),
    }
}

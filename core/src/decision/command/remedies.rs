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
        Condition::NoObligation | Condition::ReleasesTheHeir | Condition::OwesNobodyElse => {
            release(facts, rule)
        }
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
    let (heir, epoch) = (heir.successor(), facts.authority.epoch);
    Remedy {
        rule,
        action: "release the successor in force",
        node_id: Some(holder),
        method: "POST",
        path: "/v1/authority/release",
        body: Some(json!({ "successor": heir, "expected_epoch": epoch, "reason": "" })),
    }
}

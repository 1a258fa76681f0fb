//! What an operator can do about a denied promotion (DESIGN section 7): never a dead end.

use serde_json::json;

use super::PromotionFacts;
use super::condition::Condition;
use crate::authority::{Succession, Tenure};
use crate::explain::Remedy;
use crate::id::NodeId;
use crate::rules::RuleId;

/// What an operator can do about each failed rule, in the order of the rules.
#[must_use]
pub fn remedies(facts: &PromotionFacts, failed: &[RuleId]) -> Vec<Remedy> {
    Condition::ALL
        .iter()
        .filter(|condition| failed.contains(&condition.rule()))
        .flat_map(|condition| remedies_of(facts, *condition))
        .collect()
}

fn remedies_of(facts: &PromotionFacts, condition: Condition) -> Vec<Remedy> {
    let rule = condition.rule();
    let here = Some(facts.node.clone());
    match condition {
        Condition::ExplicitRequest => {
            vec![promote(facts, rule, here, "ask again, naming the epoch that the ledger is in")]
        }
        Condition::Addressed => {
            let named = facts.replica_id.clone();
            vec![promote(facts, rule, named, "ask the node that is to be promoted")]
        }
        Condition::SingleHolder => toward_a_basis(facts, rule),
        // Without a basis there is nothing to catch up with.
        Condition::Continues | Condition::NothingLost if facts.basis().is_none() => {
            toward_a_basis(facts, rule)
        }
        Condition::Continues | Condition::NothingLost | Condition::Visible | Condition::Drained => {
            vec![catch_up(facts, rule)]
        }
        Condition::NotDeclined => hand_on_the_decline(facts, rule),
        Condition::NotHalted if facts.halt == Some(RuleId::St2) => {
            vec![look(facts, rule), relocate(facts, rule)]
        }
        Condition::Eligible
        | Condition::Alone
        | Condition::NotHalted
        | Condition::EpochsInPlace => vec![look(facts, rule)],
    }
}

/// What leads to a basis: the heir that there is, or another one. While the holder owes another node, it
/// can hand over to that node only, so the title has to be taken back first (AU-6). The holder itself needs
/// no basis: it has what one would lead to. Once it has relinquished, its heir's decline gives it one.
fn toward_a_basis(facts: &PromotionFacts, rule: RuleId) -> Vec<Remedy> {
    let heir = |heir: &NodeId| {
        promote(facts, rule, Some(heir.clone()), "promote the heir that the ledger names")
    };
    if facts.node == facts.authority.holder {
        return match &facts.authority.tenure {
            Tenure::Held => vec![look(facts, rule)],
            Tenure::Relinquished { successor, .. } => {
                vec![heir(successor), decline(facts, rule, successor)]
            }
        };
    }
    match (&facts.authority.tenure, &facts.authority.succession) {
        (Tenure::Relinquished { successor, .. }, _) if successor != &facts.node => {
            vec![heir(successor)]
        }
        (Tenure::Held, Some(Succession::Designated { successor, .. }))
            if successor != &facts.node =>
        {
            vec![heir(successor), release(facts, rule, successor)]
        }
        (Tenure::Held, Some(Succession::Releasing { successor, .. }))
            if successor != &facts.node =>
        {
            vec![look(facts, rule)]
        }
        (Tenure::Held, Some(_) | None) => vec![hand_over(facts, rule), fork(facts, rule)],
        (Tenure::Relinquished { .. }, _) => vec![catch_up(facts, rule)],
    }
}

/// The node that declined cannot take the epoch; with its word the holder goes on.
fn hand_on_the_decline(facts: &PromotionFacts, rule: RuleId) -> Vec<Remedy> {
    let path = match &facts.authority.tenure {
        Tenure::Held => "/v1/authority/release",
        Tenure::Relinquished { .. } => "/v1/promotions",
    };
    let body = json!({ "expected_epoch": facts.authority.epoch, "evidence": [], "reason": "" });
    let to_the_holder = Remedy {
        rule,
        action: "hand that decline to the holder, as evidence",
        node_id: Some(facts.authority.holder.clone()),
        method: "POST",
        path,
        body: Some(body),
    };
    vec![decline(facts, rule, &facts.node), to_the_holder]
}

fn decline(facts: &PromotionFacts, rule: RuleId, heir: &NodeId) -> Remedy {
    Remedy {
        rule,
        action: "have the heir decline, which gives its signed word for evidence",
        node_id: Some(heir.clone()),
        method: "POST",
        path: "/v1/authority/decline",
        body: Some(json!({ "expected_epoch": facts.authority.epoch, "reason": "" })),
    }
}

fn release(facts: &PromotionFacts, rule: RuleId, successor: &NodeId) -> Remedy {
    let epoch = facts.authority.epoch;
    Remedy {
        rule,
        action: "have the holder take the title back, then hand over to this node",
        node_id: Some(facts.authority.holder.clone()),
        method: "POST",
        path: "/v1/authority/release",
        body: Some(json!({ "successor": successor, "expected_epoch": epoch, "reason": "" })),
    }
}

fn promote(
    facts: &PromotionFacts,
    rule: RuleId,
    node_id: Option<NodeId>,
    action: &'static str,
) -> Remedy {
    let body = json!({ "expected_epoch": facts.authority.epoch, "reason": "" });
    Remedy { rule, action, node_id, method: "POST", path: "/v1/promotions", body: Some(body) }
}

fn hand_over(facts: &PromotionFacts, rule: RuleId) -> Remedy {
    let epoch = facts.authority.epoch;
    Remedy {
        rule,
        action: "hand authority over from the holder while it runs",
        node_id: Some(facts.authority.holder.clone()),
        method: "POST",
        path: "/v1/authority/relinquish",
        body: Some(json!({ "successor": facts.node, "expected_epoch": epoch, "reason": "" })),
    }
}

/// Where the holder is gone with what it acknowledged alone, no node of the cluster can be granted the next epoch.
fn fork(facts: &PromotionFacts, rule: RuleId) -> Remedy {
    let action =
        "where the holder never comes back: found a new cluster from what this node can prove";
    let command = "aerodb fork --data-dir DIR --into DIR --expected-epoch N --reason TEXT";
    Remedy::by_hand(rule, action, &facts.node, command)
}

/// A copy cannot be promoted; once it has taken its original's place it can.
fn relocate(facts: &PromotionFacts, rule: RuleId) -> Remedy {
    let action =
        "give this directory the node's identity, and retire the one that it was copied from";
    let command = "aerodb relocate --data-dir DIR --from DIR --reason TEXT";
    Remedy::by_hand(rule, action, &facts.node, command)
}

fn catch_up(facts: &PromotionFacts, rule: RuleId) -> Remedy {
    Remedy {
        rule,
        action: "catch up with the history that the basis names, then ask again",
        node_id: Some(facts.node.clone()),
        method: "POST",
        path: "/v1/replication/resume",
        body: Some(json!({ "reason": "" })),
    }
}

fn look(facts: &PromotionFacts, rule: RuleId) -> Remedy {
    Remedy {
        rule,
        action: "see the state that stands against it",
        node_id: Some(facts.node.clone()),
        method: "GET",
        path: "/v1/status",
        body: None,
    }
}

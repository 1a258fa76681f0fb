//! Transitions under the names that observers know them by (rules/6-names 6.1).
//!
//! Keeps: P6-RO1, P6-OB1.

use aerodb_core::machine::MachineName;
use aerodb_core::rules::RuleId;
use aerodb_http_api::types::{EventView, Outcome};

use crate::http::Http;
use crate::journal::Transition;

/// The name of what happened. Each machine has a name for a step that has none of its own.
fn name(step: &Transition) -> &'static str {
    match step.machine {
        MachineName::Promotion => promotion(step.row),
        MachineName::Latch => match step.to {
            "Latched" => "replication.failure.latched",
            _ => "replication.failure.cleared",
        },
        MachineName::Segment => match step.to {
            "Received" => "replication.segment.received",
            "Validated" => "replication.segment.validated",
            "Applied" => "replication.segment.applied",
            "Rejected" => "replication.segment.rejected",
            _ => "replication.segment.cut",
        },
        MachineName::Bootstrap => match step.event {
            "requested" => "replication.bootstrap.started",
            "installed" => "replication.bootstrap.installed",
            "aborted" => "replication.bootstrap.discarded",
            _ => "replication.bootstrap.changed",
        },
        MachineName::Pipeline => "replication.state.changed",
        MachineName::Role => "replication.role.changed",
        MachineName::Checkpoint => "checkpoint.state.changed",
        MachineName::Lifecycle => "node.lifecycle.changed",
        MachineName::Read => "read.state.changed",
        MachineName::Version => "mvcc.version.changed",
        MachineName::WalWriter => "wal.writer.changed",
    }
}

fn promotion(row: &str) -> &'static str {
    match row {
        "PR1" => "replication.promotion.requested",
        "PR2" => "replication.promotion.validation_started",
        "PR4" => "replication.promotion.validation_succeeded",
        "PR5" => "replication.promotion.validation_failed",
        "PR6" => "replication.promotion.transition_started",
        "PR7" => "replication.promotion.transition_completed",
        "PR8" | "PR9" => "replication.promotion.returned_to_steady",
        "PR10" => "replication.promotion.aborted_on_crash",
        // PR1r and PR3: refused before it was looked at.
        _ => "replication.promotion.rejected",
    }
}

/// Why a request that was accepted is not looked at after all.
const MOVED: &str = "Something that the decision reads has moved since the dry run.";

/// How an attempt ended, at the step that ends it.
fn outcome(row: &str) -> Option<Outcome> {
    match row {
        "PR8" => Some(Outcome::Approved),
        "PR9" => Some(Outcome::Denied),
        "PR10" => Some(Outcome::Aborted),
        // The other rows end no attempt.
        _ => None,
    }
}

impl Http {
    /// At most `limit` events after this one, once there are any; none when the node is stopping.
    pub(super) async fn events_after(&self, after: u64, limit: usize) -> Vec<EventView> {
        let journal = &self.shared.machines.journal;
        loop {
            let steps = journal.after(after, None, limit);
            if !steps.is_empty() {
                return steps.into_iter().map(|step| self.event(step)).collect();
            }
            tokio::select! {
                () = journal.past(after) => {}
                () = self.shared.stopped() => return Vec::new(),
            }
        }
    }

    fn event(&self, step: Transition) -> EventView {
        let here = || self.shared.identity.node_id.clone();
        let promotion = step.machine == MachineName::Promotion;
        let attempt = step.attempt.as_deref();
        let failed = step.data.get("failed").filter(|_| promotion);
        let failed = failed.and_then(|rule| serde_json::from_value::<RuleId>(rule.clone()).ok());
        EventView {
            seq: step.seq,
            name: name(&step).to_owned(),
            node_id: here(),
            machine: step.machine.as_str().to_owned(),
            from: step.from.to_owned(),
            to: step.to.to_owned(),
            cause: step.event.to_owned(),
            row: step.row.to_owned(),
            rules: vec![step.rule],
            data: step.data.clone(),
            // Promotion is asked of the node that is to be promoted.
            requested_replica_id: promotion.then(here),
            failed_invariant: failed,
            current_primary_id: attempt.map(|attempt| attempt.current_primary.clone()),
            reason: attempt.map(|attempt| attempt.reason.clone()),
            outcome: outcome(step.row).filter(|_| promotion),
            // The request is what the decision ledger has; what came after it was in memory only.
            last_known_state: (step.row == "PR10").then(|| "PromotionRequested".to_owned()),
            failure_reason: failed
                .map(|rule| rule.statement().to_owned())
                .or_else(|| (step.row == "PR3").then(|| MOVED.to_owned())),
            new_primary_id: (step.row == "PR7").then(here),
        }
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::machine::{Promotion, table};

    use super::*;

    /// Proves: P6-RO1, P6-OB1.
    #[test]
    fn every_step_of_a_promotion_has_the_name_that_the_rules_give_it() {
        let named: Vec<_> = table::<Promotion>()
            .iter()
            .map(|row| {
                let name = promotion(row.row).trim_start_matches("replication.promotion.");
                format!("{} {name}", row.row)
            })
            .collect();
        assert_eq!(
            named,
            [
                "PR1 requested",
                "PR1r rejected",
                "PR10 aborted_on_crash",
                "PR3 rejected",
                "PR2 validation_started",
                "PR4 validation_succeeded",
                "PR5 validation_failed",
                "PR6 transition_started",
                "PR7 transition_completed",
                "PR8 returned_to_steady",
                "PR9 returned_to_steady",
            ]
        );
    }
}

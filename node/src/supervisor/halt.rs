//! Failures: a broken rule latches and halts the node, a failed disk ends the process. Neither is
//! cleared by anything but an operator.
//!
//! Keeps: F-X5, F-Z1, RA-10.

use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Remedy;
use aerodb_core::id::NodeId;
use aerodb_core::machine::{
    Failure, LatchEvent, LifecycleEvent, Machine as _, RoleEvent, RoleName, WayBack,
};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::crash::{self, Point};
use serde_json::json;

use crate::halts::PIPELINE;
use crate::supervisor::state::{Done, Fatal, Supervisor};
use crate::wal::{Mode, ReceiveError, WalFailure};

impl Supervisor {
    /// Latches the failure: no reads, no writes, nothing served, until an operator acts. Durable before it
    /// is shown, so that a restart shows it too.
    pub(super) fn halt(&mut self, rule: RuleId, evidence: &serde_json::Value) -> Done {
        let (rule, evidence) = &self.at_the_cut(rule, evidence);
        let rule = *rule;
        self.drop_transfer();
        tracing::error!(%rule, %evidence, "halted");
        self.stop_pulling();
        let evidence = self.with_pipeline(evidence).to_string();
        let annotation = self.by_the_node("a rule is broken")?;
        crash::reached(Point::HaltBeforeRecord);
        self.record(DecisionBody::Halted { rule, evidence: evidence.clone() }, annotation)?;
        crash::reached(Point::HaltAfterRecord);

        let shared = self.parts.shared.clone();
        let machines = &shared.machines;
        let failure = Failure { rule, evidence };
        machines.latch.must_step(&machines.journal, &LatchEvent::Failed(failure));
        if machines.role.get().role_name() != RoleName::ReplicationHalted {
            machines.role.must_step(&machines.journal, &RoleEvent::Failed { rule });
            machines.lifecycle.must_step(&machines.journal, &LifecycleEvent::Halted);
        }
        if let Some(paused) = shared.owner.pause() {
            paused.resume(Mode::Idle);
        }
        let covered = shared.acks.bounds().covered;
        shared.acks.stop_holding(None, covered);
        self.publish();
        Ok(())
    }

    /// The evidence, with where a replica's pipeline stops: it stays there for as long as the latch is set, in
    /// the processes after this one too. Nothing moves it any more: nobody pulls, and the owner is between two
    /// batches.
    fn with_pipeline(&self, evidence: &serde_json::Value) -> serde_json::Value {
        let (mut evidence, machines) = (evidence.clone(), &self.shared().machines);
        if machines.role.get().role_name() == RoleName::ReplicaActive
            && let Some(fields) = evidence.as_object_mut()
        {
            fields.insert(PIPELINE.to_owned(), machines.pipeline.get().name().into());
        }
        evidence
    }

    /// The problem of a halted node; `None` when no failure is latched.
    pub(super) fn halted(&self) -> Option<Problem> {
        let latch = self.shared().machines.latch.get();
        latch.cause().map(|failure| {
            Problem::new(Code::Halted, way_forward(failure.rule))
                .rule(failure.rule, ways_back(failure.rule, &self.shared().identity.node_id))
                .with("evidence", &failure.evidence)
        })
    }

    pub(super) fn wal_failed(&mut self, failure: WalFailure) -> Done {
        match failure {
            WalFailure::Fault(fault) => {
                self.publish();
                Err(Fatal(fault.to_string()))
            }
            WalFailure::Rejected(ReceiveError::Disk(detail)) => Err(Fatal(detail)),
            WalFailure::Rejected(ReceiveError::Diverged(divergence)) => {
                self.halt(divergence.rule(), &divergence.evidence())
            }
            WalFailure::Rejected(
                ReceiveError::NotReplica | ReceiveError::Cut(_) | ReceiveError::LedgerBehind { .. },
            ) => Ok(()),
        }
    }
}

/// The same as [`way_forward`], as what is asked.
pub(crate) fn ways_back(rule: RuleId, node: &NodeId) -> Vec<Remedy> {
    let post = |action, path, body| Remedy {
        rule,
        action,
        node_id: Some(node.clone()),
        method: "POST",
        path,
        body: Some(body),
    };
    let by_hand = |action, command| Remedy::by_hand(rule, action, node, command);
    let join = by_hand(
        "keep the directory, and join under a new node id",
        "aerodb join --data-dir DIR --node-id NEW_ID --listen HOST:PORT --upstream URL",
    );
    match WayBack::of(rule) {
        WayBack::DiscardSuffix => vec![
            post(
                "set aside what the log holds past the validated history",
                "/v1/replication/discard-suffix",
                json!({ "reason": "" }),
            ),
            post(
                "where it holds nothing: name the failure",
                "/v1/replication/resume",
                json!({ "failure": rule, "reason": "" }),
            ),
        ],
        WayBack::Bootstrap => vec![post(
            "take the holder's snapshot over",
            "/v1/replication/bootstrap",
            json!({ "reason": "" }),
        )],
        WayBack::Original => vec![
            by_hand(
                "start the original, or give this directory its identity",
                "aerodb relocate --data-dir DIR --from DIR --reason TEXT",
            ),
            join,
        ],
        WayBack::NewIdentity => vec![
            join,
            by_hand(
                "where no node of the cluster can go on: found a new cluster from what it can prove",
                "aerodb fork --data-dir DIR --into DIR --expected-epoch N --reason TEXT",
            ),
        ],
    }
}

/// What an operator does about a halt.
const fn way_forward(rule: RuleId) -> &'static str {
    match WayBack::of(rule) {
        WayBack::DiscardSuffix => {
            "the node is halted: see what its log holds past the validated history with aerodb \
             discard-suffix --dry-run, and set that aside with aerodb discard-suffix; where it holds \
             nothing, name the failure with aerodb resume --failure RULE"
        }
        WayBack::Bootstrap => {
            "the node is halted: upstream does not continue the snapshot that is installed; let it follow the \
             holder, and ask for another with aerodb bootstrap"
        }
        WayBack::Original => {
            "the node is halted: its directory is a copy, or was moved; start the original, or stop both and \
             give this one the identity with aerodb relocate, which retires the other, or join under a new node id"
        }
        WayBack::NewIdentity => {
            "the node is halted: keep its directory, audit it, and join under a new node id"
        }
    }
}

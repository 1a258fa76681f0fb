//! Writes of keys.

use std::time::Duration;

use aerodb_core::explain::Remedy;
use aerodb_core::machine::WalWriter;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::threads::RequestThread;
use aerodb_http_api::types::{FailedCondition, Write, WriteKind, Written};
use aerodb_ledger::crash::Point;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::http::Http;
use crate::supervisor::after_a_failure;
use crate::wal::{Answer, Job, Outcome, Settled, Ticket, Unacknowledged, WriteError, WriteJob};

/// A caller that wants its answer sooner is never made to wait for the disk: its write is always queued, so
/// that a disk that hangs does not keep its deadline from being noticed.
const PATIENCE: Duration = Duration::from_secs(10);

impl Http {
    pub(super) async fn do_write(&self, write: Write) -> Result<Written, Problem> {
        self.admit_write()?;
        let give_up = Instant::now() + write.deadline;
        let (reply, answer) = oneshot::channel();
        let needs_key = write.kind == WriteKind::Delete;
        let asked = crate::wal::Write { conditions: write.conditions, ops: write.ops, needs_key };
        let ticket = Ticket::default();
        let job = self.shared.owner.job(asked, ticket.clone(), reply);
        let patient = write.deadline >= PATIENCE;
        let alarm = write.thread.alarm().clone();
        let thread = if patient { write.thread } else { RequestThread::default() };
        let _under_way = self.shared.owner.enter();
        let mut queued = false;
        let settled = alarm.before(give_up, async {
            queued = self.hand_over(job, thread).await;
            answer.await
        });
        match settled.await {
            Some(Ok((value, settled))) => {
                self.shared.world.hands.reached(Point::AckBeforeSend);
                self.settle(value, settled)
            }
            Some(Err(_)) => Err(self.closed()),
            None if queued => {
                let detail =
                    "the deadline passed before the write was acknowledged; it may still become so";
                Err(Problem::new(Code::NotAcknowledged, detail)
                    .rule(RuleId::Au10, self.open_fate(RuleId::Au10))
                    .with("commit_id", ticket.commit()))
            }
            None => {
                let detail = "the deadline passed before the write was queued; nothing is written";
                Err(Problem::new(Code::NotAcknowledged, detail).with("commit_id", ticket.commit()))
            }
        }
    }

    /// Has the write carried out on this thread or queued. `false` when the owner has ended.
    async fn hand_over(&self, job: WriteJob, thread: RequestThread) -> bool {
        match self.shared.owner.write_here(job, &thread) {
            Ok(()) => true,
            Err(job) => self.shared.owner.send(Job::Write(job)).await,
        }
    }

    fn admit_write(&self) -> Result<(), Problem> {
        let (view, live) = (self.shared.view.load(), self.shared.write_live());
        view.write.admit(&live).map_err(|(refusal, rule)| {
            let mut facts = view.write.clone();
            facts.live = live;
            self.write_refused(&facts, refusal, rule)
        })
    }

    /// The write reached the owner too late: the node's state says why.
    fn closed(&self) -> Problem {
        if self.shared.machines.writer.get() == WalWriter::Poisoned {
            let detail =
                "a write or fsync of the log failed; nothing was written, the node is going down";
            return Problem::new(Code::WalPoisoned, detail).rule(RuleId::Wal13, after_a_failure());
        }
        let refused = self.admit_write().err();
        refused.unwrap_or_else(|| {
            Problem::new(Code::Recovering, "the node is changing its role; nothing was written")
        })
    }

    fn settle(&self, value: Answer, settled: Settled) -> Result<Written, Problem> {
        let outcome = match value {
            Ok(outcome) => outcome,
            Err(WriteError::Closed) => return Err(self.closed()),
            Err(WriteError::Failed { detail, no_space }) => {
                let code = if no_space { Code::NoSpace } else { Code::WalPoisoned };
                return Err(Problem::new(code, detail).rule(RuleId::Wal13, after_a_failure()));
            }
        };
        match (outcome, settled) {
            // Admitted under an obligation that ended while it waited.
            (Outcome::Committed { commit, epoch }, Ok(durability))
                if durability < self.shared.view.load().write.minimum_durability =>
            {
                let detail = "the obligation ended before the successor's receipt came, and the cluster insists on one";
                Err(Problem::not_acknowledged(commit, epoch, detail)
                    .rule(RuleId::Au9, self.open_fate(RuleId::Au9)))
            }
            (Outcome::Committed { commit, epoch }, Ok(durability)) => {
                Ok(Written { commit_id: commit, epoch, durability })
            }
            (Outcome::Committed { commit, epoch }, Err(why)) => {
                Err(Problem::not_acknowledged(commit, epoch, unacknowledged(why))
                    .rule(RuleId::Au10, self.open_fate(RuleId::Au10)))
            }
            (Outcome::ConditionsFailed(failed), Ok(_)) => {
                let failed: Vec<_> = failed
                    .into_iter()
                    .map(|failed| FailedCondition {
                        key: String::from_utf8_lossy(&failed.key).into_owned(),
                        actual_commit_id: failed.found,
                    })
                    .collect();
                Err(Problem::precondition_failed(&failed))
            }
            (Outcome::KeyAbsent, Ok(_)) => {
                Err(Problem::new(Code::KeyNotFound, "there is no such key; nothing was written"))
            }
            (Outcome::ConditionsFailed(_) | Outcome::KeyAbsent, Err(why)) => {
                let detail = format!(
                    "nothing was written, but what it was judged against is open: {}",
                    unacknowledged(why)
                );
                Err(Problem::new(Code::NotAcknowledged, detail)
                    .rule(RuleId::Au10, self.open_fate(RuleId::Au10))
                    .with("commit_id", None::<u64>))
            }
        }
    }

    /// What can be done about a write whose fate is open; it is never retried by the node.
    fn open_fate(&self, rule: RuleId) -> Vec<Remedy> {
        let view = self.shared.view.load();
        let look = "see how far the history is acknowledged: a commit at or below that is";
        let succession = view.authority.succession();
        vec![
            Remedy::look(rule, look, Some(self.shared.identity.node_id.clone()), "/v1/status"),
            Remedy {
                rule,
                action: "where the successor does not pull: let it",
                node_id: succession.map(|heir| heir.successor().clone()),
                method: "POST",
                path: "/v1/replication/resume",
                body: Some(json!({ "reason": "" })),
            },
        ]
    }
}

const fn unacknowledged(why: Unacknowledged) -> &'static str {
    match why {
        Unacknowledged::SuccessorDetached => {
            "the successor stopped pulling before its receipt came; it may still become acknowledged"
        }
        Unacknowledged::AuthorityEnded => {
            "the node's authority ended before the write was acknowledged; it may still become so"
        }
    }
}

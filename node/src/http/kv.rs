//! Reads and writes of keys.

use std::time::Duration;

use aerodb_core::decision::read::{Consistency, ReadFacts, ReadRefusal};
use aerodb_core::explain::explain;
use aerodb_core::id::Boundary;
use aerodb_core::machine::{RoleName, WalWriter};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{
    FailedCondition, ReadAnswer, ReadRequest, ScanAnswer, ScanItem, ScanRequest, Write, WriteKind,
    Written,
};
use aerodb_ledger::crash::{self, Point};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::http::Http;
use crate::http::refusal::read_code;
use crate::store::{ScanRange, ViewSource};
use crate::view::View;
use crate::wal::{Answer, Job, Outcome, Settled, Ticket, Unacknowledged, WriteError, WriteJob};

/// A caller that wants its answer sooner is never made to wait for the disk: its write is always queued, so
/// that a disk that hangs does not keep its deadline from being noticed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a read asks for, apart from the keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) at: Option<Boundary>,
    pub(super) min_commit: Option<Boundary>,
    pub(super) consistency: Option<Consistency>,
    pub(super) deadline: Duration,
}

/// An admitted read: the boundary that it sees, and the state that admitted it.
struct Admitted {
    boundary: Boundary,
    facts: ReadFacts,
}

impl Http {
    pub(super) async fn do_write(&self, write: Write) -> Result<Written, Problem> {
        self.admit_write()?;
        let give_up = Instant::now() + write.deadline;
        let (reply, answer) = oneshot::channel();
        let needs_key = write.kind == WriteKind::Delete;
        let job = crate::wal::Write { conditions: write.conditions, ops: write.ops, needs_key };
        let ticket = Ticket::default();
        let job = WriteJob { write: job, ticket: ticket.clone(), reply };
        let patient = write.deadline >= PATIENCE;
        let _under_way = self.shared.owner.enter();
        let mut queued = false;
        let settled = timeout_at(give_up, async {
            queued = self.hand_over(job, patient).await;
            answer.await
        });
        match settled.await {
            Ok(Ok((value, settled))) => {
                crash::reached(Point::AckBeforeSend);
                self.settle(value, settled)
            }
            Ok(Err(_)) => Err(self.closed()),
            Err(_) if queued => {
                let detail =
                    "the deadline passed before the write was acknowledged; it may still become so";
                Err(Problem::new(Code::NotAcknowledged, detail)
                    .rule(RuleId::Au10)
                    .with("commit_id", ticket.commit()))
            }
            Err(_) => {
                let detail = "the deadline passed before the write was queued; nothing is written";
                Err(Problem::new(Code::NotAcknowledged, detail).with("commit_id", ticket.commit()))
            }
        }
    }

    /// Has the write carried out on this thread or queued. `false` when the owner has ended.
    async fn hand_over(&self, job: WriteJob, patient: bool) -> bool {
        let job = if patient { self.shared.owner.write_here(job).await } else { Err(job) };
        match job {
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
            return Problem::new(Code::WalPoisoned, detail).rule(RuleId::Wal13);
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
                return Err(Problem::new(code, detail).rule(RuleId::Wal13));
            }
        };
        match (outcome, settled) {
            // Admitted under an obligation that ended while it waited.
            (Outcome::Committed { commit, epoch }, Ok(durability))
                if durability < self.shared.view.load().write.minimum_durability =>
            {
                let detail = "the obligation ended before the successor's receipt came, and the cluster insists on one";
                Err(Problem::not_acknowledged(commit, epoch, detail).rule(RuleId::Au9))
            }
            (Outcome::Committed { commit, epoch }, Ok(durability)) => {
                Ok(Written { commit_id: commit, epoch, durability })
            }
            (Outcome::Committed { commit, epoch }, Err(why)) => {
                Err(Problem::not_acknowledged(commit, epoch, unacknowledged(why))
                    .rule(RuleId::Au10))
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
                    .rule(RuleId::Au10)
                    .with("commit_id", None::<u64>))
            }
        }
    }

    pub(super) async fn do_read(&self, read: ReadRequest) -> Result<ReadAnswer, Problem> {
        let wanted = Wanted {
            at: read.at,
            min_commit: read.min_commit,
            consistency: read.consistency,
            deadline: read.deadline,
        };
        let (admitted, value) =
            self.in_view(wanted, |boundary| self.shared.store.get(&read.key, boundary)).await?;
        Ok(ReadAnswer {
            value,
            boundary: admitted.boundary,
            epoch: admitted.facts.epoch,
            cluster: self.shared.identity.cluster,
            consistency: admitted.facts.consistency,
        })
    }

    pub(super) async fn do_scan(&self, scan: ScanRequest) -> Result<ScanAnswer, Problem> {
        let wanted = Wanted {
            at: scan.at,
            min_commit: scan.min_commit,
            consistency: scan.consistency,
            deadline: scan.deadline,
        };
        let range = ScanRange::within(&scan.prefix, scan.start, scan.end, scan.after_key);
        let (admitted, (items, more)) = self
            .in_view(wanted, |boundary| self.shared.store.scan(&range, boundary, scan.limit))
            .await?;
        let next = if more { items.last().map(|item| item.key.clone()) } else { None };
        let explicit = scan.at.map(|_| admitted.boundary);
        Ok(ScanAnswer {
            observed: self.observed(explicit),
            items: items
                .into_iter()
                .map(|item| ScanItem {
                    key: item.key,
                    value: item.value,
                    commit_id: item.commit_id,
                })
                .collect(),
            next,
            boundary: admitted.boundary,
            epoch: admitted.facts.epoch,
            cluster: self.shared.identity.cluster,
            consistency: admitted.facts.consistency,
        })
    }

    /// Reads in one admitted view, and checks afterwards that what admitted it still stands (F-RS2): a
    /// change of role, epoch or halt in between means to look once more, and then to refuse.
    async fn in_view<T>(
        &self,
        wanted: Wanted,
        read: impl Fn(Boundary) -> T,
    ) -> Result<(Admitted, T), Problem> {
        let mut admitted = self.admit_read(wanted).await?;
        for _ in 0..2 {
            let view = self.shared.store.view(admitted.boundary, ViewSource::User);
            let Some(view) = view else {
                // Pruning passed it between the gate and here; the gate says so, or gives a later one.
                admitted = self.admit_read(wanted).await?;
                continue;
            };
            let value = read(view.at());
            let now = self.shared.view.load();
            let same = now.role.role_name() == admitted.facts.role
                && now.authority.epoch() == admitted.facts.epoch
                && now.halt() == admitted.facts.halt;
            if same {
                return Ok((admitted, value));
            }
            admitted = self.admit_read(wanted).await?;
        }
        Err(Problem::new(Code::ReadUnsafe, "the node's state changed while it read")
            .rule(RuleId::FRs2))
    }

    /// Passes the gate, waiting for the barrier's echo or the least commit within the caller's deadline.
    async fn admit_read(&self, wanted: Wanted) -> Result<Admitted, Problem> {
        self.shared.owner.note_read();
        let view = self.shared.view.load_full();
        let linearizable = self.consistency(&view, wanted) == Consistency::Linearizable;
        let obliged = self.obliged(&view);
        // Drawn after the read began: an echo of it shows that the obliged node was not granted before.
        let barrier = (linearizable && obliged).then(|| self.shared.barriers.draw());
        let waits = self.wait_for(barrier, wanted.min_commit);
        // How it ends says nothing; what is there when it has ended does.
        tokio::select! {
            _ = tokio::time::timeout(wanted.deadline, waits) => {}
            () = self.shared.stopped() => {}
        }
        let echoed = barrier.map(|barrier| self.shared.barriers.is_echoed(barrier));
        let facts = self.read_facts(&self.shared.view.load(), wanted, echoed);
        match facts.admit() {
            Ok(boundary) => Ok(Admitted { boundary, facts }),
            Err((refusal, rule)) => Err(self.read_refused(&facts, refusal, rule)),
        }
    }

    /// Ends when the barrier is echoed and the commit is reached, or when they cannot be.
    async fn wait_for(&self, barrier: Option<u64>, min_commit: Option<Boundary>) {
        if let Some(barrier) = barrier {
            tokio::select! {
                () = self.shared.barriers.echoed(barrier) => {}
                () = self.successor_detached() => return,
            }
        }
        if let Some(least) = min_commit {
            let mut bounds = self.shared.acks.subscribe();
            // The sender lives as long as the node.
            let _ = bounds
                .wait_for(|bounds| bounds.acknowledged.is_some_and(|bound| bound >= least))
                .await;
        }
    }

    /// Completes when the obliged node is not pulling: then no echo can come.
    async fn successor_detached(&self) {
        let mut changed = self.shared.acks.subscribe_attached();
        let _ = changed.wait_for(|attached| *attached != Some(true)).await;
    }

    fn obliged(&self, view: &View) -> bool {
        view.authority.holder() == &self.shared.identity.node_id
            && view.authority.obligation().is_some()
    }

    fn consistency(&self, view: &View, wanted: Wanted) -> Consistency {
        let default = match view.role.role_name() {
            // A named boundary is a snapshot by itself.
            RoleName::PrimaryActive if wanted.at.is_none() => Consistency::Linearizable,
            RoleName::PrimaryActive
            | RoleName::ReplicaActive
            | RoleName::PrimarySealed
            | RoleName::Uninitialized
            | RoleName::ReplicationHalted => Consistency::Snapshot,
        };
        wanted.consistency.unwrap_or(default)
    }

    /// The gate's facts at this moment.
    pub(super) fn read_facts(
        &self,
        view: &View,
        wanted: Wanted,
        echoed: Option<bool>,
    ) -> ReadFacts {
        let linearizable = self.consistency(view, wanted) == Consistency::Linearizable;
        ReadFacts {
            cluster: self.shared.identity.cluster,
            node: self.shared.identity.node_id.clone(),
            epoch: view.authority.epoch(),
            holder: view.authority.holder().clone(),
            role: view.role.role_name(),
            halt: view.halt(),
            acknowledged: self.shared.acks.bounds().acknowledged,
            oldest_retained: self.shared.store.oldest_retained(),
            consistency: self.consistency(view, wanted),
            barrier_echoed: (linearizable && self.obliged(view)).then(|| echoed.unwrap_or(false)),
            at: wanted.at,
            min_commit: wanted.min_commit,
        }
    }

    fn read_refused(&self, facts: &ReadFacts, refusal: ReadRefusal, rule: RuleId) -> Problem {
        let detail = match refusal {
            ReadRefusal::Halted => "the node is halted until an operator acts",
            ReadRefusal::Recovering => "the node serves no reads yet",
            ReadRefusal::Unsafe => {
                "what is acknowledged is unknown until the successor's receipt covers the recovered tip"
            }
            ReadRefusal::NotHolder => "linearizable reads are for the holder",
            ReadRefusal::Sealed => "this node has relinquished its epoch; a snapshot can be read",
            ReadRefusal::Unconfirmed => {
                "the successor has not confirmed that this node still holds"
            }
            ReadRefusal::InFuture => "the commit is not acknowledged yet",
            ReadRefusal::NotRetained => "the commit is not retained any more",
            ReadRefusal::NotReached => "the commit is not reached yet",
        };
        let problem = self.refused(read_code(refusal), detail, rule);
        problem.with("acknowledged", facts.acknowledged).explained(&explain(facts), Vec::new())
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

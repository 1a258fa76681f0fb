//! The operator's way back from a halt, on a node that runs: setting aside what its log holds past the
//! validated history, or, where there is no such thing, naming the failure whose cause is gone.
//!
//! Both end this process's life with the directory: all that is in memory is of before, so the program starts
//! again from the disk, and recovery finds what it finds at every start. Until the entry in the decision
//! ledger is durable the node is halted as it was; from then on the steps of [`crate::discard`] hold.

use aerodb_core::authority::Annotation;
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::explain::Remedy;
use aerodb_core::id::{Address, Seq};
use aerodb_core::machine::{Failure, WayBack};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::Discarded;

use crate::discard::{DiscardError, Found, Recorded, cleared, find, told};
use crate::supervisor::replica::no_upstream;
use crate::supervisor::requests::{Known, reused};
use crate::supervisor::state::{Fatal, Supervisor};

impl Supervisor {
    pub(super) fn discard_suffix(
        &mut self,
        dry_run: bool,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Result<Discarded, Problem>, Fatal> {
        match self.requests.find(request.as_ref()) {
            Ok(Some(known)) => return Ok(self.recorded_discard(&known)),
            Ok(None) => {}
            Err(problem) => return Ok(Err(problem)),
        }
        let latch = self.shared().machines.latch.get();
        if latch.cause().is_none() || self.log_replaced {
            let detail = "the node is not halted: what its log holds is taken up by itself";
            return Ok(Err(refused(RuleId::FX4, detail)));
        }
        let found = match self.look().and_then(Found::something) {
            Ok(found) => found,
            Err(error) => return refusal(error).map(Err),
        };
        let cleared = match cleared(&latch) {
            Ok(cleared) => cleared,
            Err(error) => return refusal(error).map(Err),
        };
        if dry_run {
            return Ok(Ok(found.listed(cleared)));
        }
        let (dir, disk) = (self.parts.dir.clone(), self.parts.disk.clone());
        let next = self.parts.decisions.next_seq();
        let done = found.set_aside(&dir, &disk, (cleared, request), next, |body| {
            let recorded = self.record(body, annotation);
            let seq = recorded.map_err(|fatal| DiscardError::Record(fatal.0))?;
            Ok(Recorded { seq, frame: self.parts.decisions.last_frame_seq() })
        });
        // A step that fails leaves the rest to the offline command.
        let (discarded, identity) = done.map_err(|error| Fatal(error.to_string()))?;
        self.parts.identity = identity;
        self.log_replaced = true;
        tracing::info!(kept = %discarded.kept.boundary, "a suffix is set aside; the process starts again");
        self.shared().restarting.send_replace(true);
        Ok(Ok(discarded))
    }

    fn recorded_discard(&self, known: &Known) -> Result<Discarded, Problem> {
        let other = || reused("the request id was used for another kind of request");
        let Known::Decision(seq) = known else { return Err(other()) };
        let stored = self.shared().decision_entries.entry(*seq);
        stored.and_then(|stored| told(*seq, &stored.entry.entry.body)).ok_or_else(other)
    }

    /// What the directory holds; nothing is appended to it while the node is halted.
    fn look(&self) -> Result<Found, DiscardError> {
        find(&self.parts.dir, &self.parts.disk)
    }

    pub(super) fn clear_failure(
        &mut self,
        rule: RuleId,
        named: Option<Address>,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Result<(Seq, Address), Problem>, Fatal> {
        let latch = self.shared().machines.latch.get();
        let Some(first) = latch.cause() else {
            return Ok(Err(refused(RuleId::FX4, "no failure is latched")));
        };
        if let Some(problem) = not_clearable(rule, first, latch.failures()) {
            return Ok(Err(problem));
        }
        match self.look() {
            Ok(found) if found.is_nothing() => {}
            Ok(_) => {
                let detail = "the log holds what the failure is about: set it aside with discard-suffix, which clears the failure";
                return Ok(Err(refused(rule, detail)));
            }
            Err(error) => return refusal(error).map(Err),
        }
        let Some(upstream) = named.clone().or_else(|| self.parts.upstream.clone()) else {
            return Ok(Err(no_upstream()));
        };
        if let Some(upstream) = named {
            // First: after a crash in between the failure still stands, and nobody is pulled from.
            let body = DecisionBody::Followed { upstream: upstream.clone(), request: None };
            let _ = self.record(body, annotation.clone())?;
            self.parts.upstream = Some(upstream);
        }
        let seq = self.record(DecisionBody::FailureCleared { rule, request }, annotation)?;
        tracing::info!(%rule, "a failure is cleared; the process starts again");
        self.shared().restarting.send_replace(true);
        Ok(Ok((seq, upstream)))
    }
}

/// Why naming this rule clears nothing; `None` when it does.
fn not_clearable<'f>(
    rule: RuleId,
    first: &Failure,
    mut all: impl Iterator<Item = &'f Failure>,
) -> Option<Problem> {
    if rule != first.rule {
        let detail = format!("the failure that is latched first is {}", first.rule);
        return Some(refused(RuleId::FX4, &detail));
    }
    let other = all.find(|failure| WayBack::of(failure.rule) != WayBack::DiscardSuffix)?;
    let detail = format!("the node is halted by {}, which no naming undoes", other.rule);
    Some(refused(other.rule, &detail))
}

fn refused(rule: RuleId, detail: &str) -> Problem {
    let action = "see what the node is halted by, if it is, and how far its log is validated";
    let remedy = Remedy::look(rule, action, None, "/v1/status");
    Problem::new(Code::CommandRefused, detail).rule(rule, vec![remedy])
}

/// What stands against it is the caller's to know; a disk that failed ends the process.
fn refusal(error: DiscardError) -> Result<Problem, Fatal> {
    let detail = error.to_string();
    match error {
        DiscardError::Holder { .. } | DiscardError::Nothing { .. } => {
            Ok(refused(RuleId::FV2, &detail))
        }
        DiscardError::Retired(_) => Ok(refused(RuleId::Dir4, &detail)),
        DiscardError::Parted { .. } => Ok(refused(RuleId::Ri3, &detail)),
        DiscardError::OtherFailure { rule } => {
            let way =
                "keep the directory, audit it, and join under a new node id; see the failures";
            let remedy = Remedy::look(rule, way, None, "/v1/wal");
            Ok(Problem::new(Code::Halted, detail).rule(rule, vec![remedy]))
        }
        DiscardError::Directory(_)
        | DiscardError::Identity(_)
        | DiscardError::Fault(_)
        | DiscardError::Disk(_)
        | DiscardError::Replay(_)
        | DiscardError::Checkpoint(_)
        | DiscardError::Record(_)
        | DiscardError::Ledger(_)
        | DiscardError::Options(_) => Err(Fatal(detail)),
    }
}

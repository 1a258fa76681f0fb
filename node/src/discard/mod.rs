//! Setting aside what a stopped node's WAL holds past the end of its validated history (DESIGN 3.4): the
//! way back for a deposed holder that had appended, but never acknowledged, more than the next epoch
//! starts from. Where the node's authority ledger runs past the parent of a later grant ([`crate::parted`]), the
//! entries past it are set aside too, and every batch that has seen one of them.
//!
//! Nothing is deleted: the logs as they were go to `quarantine/`, whole, and ones that end where they should
//! take their places. After a crash at any step the node still refuses, halts, or is what it was before it
//! halted, and the command finishes the work when it is run again:
//!
//! 1. the logs that are kept are written beside the old ones, durable
//! 2. the decision ledger says what is set aside, by whom and why
//! 3. the start stamp names the frames of the logs that are kept
//! 4. the old WAL is renamed into quarantine; a directory without a WAL does not start (CORE-R3)
//! 5. the old ledger is renamed into quarantine, the one that is kept into its place
//! 6. the WAL that is kept is renamed into its place
//!
//! Between steps 2 and 4 the failure is cleared and the logs are the old ones: the node is then what it was before
//! it halted. A deposed holder whose own ledger does not know of the later grant holds, and owes its successor a
//! receipt, as before; it halts again when it is told to follow, and the command begins anew.

mod error;
mod found;
mod kept;
#[cfg(test)]
mod power_loss;
mod recorded;
mod steps;
mod suffix;

use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::machine::Latch;
use aerodb_core::rules::RuleId;
use aerodb_http_api::types::Discarded;
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, is_dir};

use crate::directory::{DataDir, lock};
use crate::halts::latch_of;
use crate::witness::frame;

pub use error::DiscardError;
pub use found::{Found, find};
pub use recorded::told;
pub use steps::Recorded;

use kept::{KEPT, last_number, put, put_ledger};

/// Says what would be set aside, changing nothing.
///
/// # Errors
/// [`DiscardError`].
pub fn look(dir: &DataDir, disk: &Arc<dyn Disk>) -> Result<Discarded, DiscardError> {
    let found = find(dir, disk)?.something()?;
    let cleared = cleared(found.latch())?;
    Ok(found.listed(cleared))
}

/// Sets the suffix of a stopped node aside.
///
/// # Errors
/// [`DiscardError`]; run again, it goes on where it was.
pub fn discard(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    annotation: Annotation,
) -> Result<Discarded, DiscardError> {
    let _lock = lock(dir, disk)?;
    let kept_dir = dir.path().join(KEPT);
    if !is_dir(&**disk, &dir.wal())? && is_dir(&**disk, &kept_dir)? {
        // Step 5 or 6 was cut off; with them the work is done.
        put_ledger(dir, disk, &last_number(dir, disk)?)?;
        put(disk, &kept_dir, &dir.wal())?;
        return recorded::last(dir, &**disk);
    }
    let found = find(dir, disk)?.something()?;
    let (identity, decision_dir) = (found.identity(), dir.decision_ledger());
    let (key, options) = (identity.key(), dir.ledger_options());
    let owner = key.public_key();
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &decision_dir, options, owner };
    let seen = frame(identity.stamp.decision_frame);
    let (mut decisions, _) =
        DecisionLedger::open(&place, identity.node_id.clone(), seen, &dir.quarantine())?;
    let cleared = cleared(&latch_of(&decisions.entries()))?;
    let next = decisions.next_seq();
    let (discarded, _) = found.set_aside(dir, disk, (cleared, None), next, |body| {
        let recorded = decisions.append(body, annotation, &key);
        let seq = recorded.map_err(|error| DiscardError::Record(error.to_string()))?.seq;
        Ok(Recorded { seq, frame: decisions.last_frame_seq() })
    })?;
    Ok(discarded)
}

/// The first cause, which discarding clears.
///
/// # Errors
/// [`DiscardError::OtherFailure`].
pub fn cleared(latch: &Latch) -> Result<Option<RuleId>, DiscardError> {
    latch.cleared_by_discarding().map_err(|rule| DiscardError::OtherFailure { rule })
}

#[cfg(test)]
mod tests {
    use aerodb_core::machine::Failure;

    use super::*;

    fn failure(rule: RuleId) -> Failure {
        Failure { rule, evidence: "{}".to_owned() }
    }

    #[test]
    fn fx4_a_failure_that_is_not_about_the_suffix_is_not_cleared_with_it() {
        assert!(matches!(cleared(&Latch::Clear), Ok(None)));
        let suffix = Latch::Latched {
            first: failure(RuleId::FV2),
            later: vec![failure(RuleId::P5I4), failure(RuleId::FV1)],
        };
        assert!(matches!(cleared(&suffix), Ok(Some(RuleId::FV2))));
        for (first, later) in [(RuleId::Au13, RuleId::FV2), (RuleId::FV2, RuleId::St2)] {
            let latch = Latch::Latched { first: failure(first), later: vec![failure(later)] };
            let refused = cleared(&latch).unwrap_err();
            assert!(matches!(refused, DiscardError::OtherFailure { .. }), "{refused}");
        }
    }
}

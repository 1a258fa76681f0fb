//! The heir's decline, made on its disk: a successor that does not run any more need not block writes, and a
//! relinquishment to it need not be the end.
//!
//! 1. the decision ledger is opened, which makes all of it durable
//! 2. a decline that it holds is answered as it is; a crash after step 3 leads here
//! 3. the decline is appended: frame and fsync, trailer and fsync
//! 4. the stamp names it, so that a ledger cut before it does not start

use std::sync::Arc;

use aerodb_core::authority::{Annotation, SignedDecline};
use aerodb_core::decision::decline::{DeclineFacts, remedies};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Recorded;
use aerodb_core::id::{Epoch, Seq};
use aerodb_core::rules::RuleId;
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::authority::{AuthorityLedger, sign_decline};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::log::{LogOptions, Witness};

use crate::declines::decline_of;
use crate::directory::{DataDir, lock};
use crate::halts::latch_of;
use crate::identity::{IdentityFile, Stamp};
use crate::stopped::{Refused, StoppedError};

/// What came of it.
#[derive(Debug)]
pub enum Declining {
    /// The node's word, and where it stands in its record.
    Declined(Seq, SignedDecline),
    /// It is recorded that it was refused.
    Refused(Refused),
}

const fn witness(frame: u64) -> Witness {
    Witness { frame_seq: if frame > 0 { Some(frame) } else { None }, record: None }
}

/// Declines the epoch after `expected_epoch` for the node of this directory.
///
/// # Errors
/// [`StoppedError`]; before step 3 nothing was changed.
pub fn decline(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    expected_epoch: Epoch,
    annotation: Annotation,
) -> Result<Declining, StoppedError> {
    // First only to see that this is a node's directory: taking the lock makes a file in it.
    drop(IdentityFile::read(&**disk, dir.path())?);
    let _lock = lock(dir, disk)?;
    let identity = IdentityFile::read(&**disk, dir.path())?;
    let (key, stamp) = (identity.key(), identity.stamp);
    let owner = key.public_key();
    let read = AuthorityLedger::open_read_only(
        &**disk,
        &dir.authority_ledger(),
        Some(&owner),
        witness(stamp.authority_frame),
    )?;
    let decision_dir = dir.decision_ledger();
    let place = LedgerPlace {
        disk: Arc::clone(disk),
        dir: &decision_dir,
        options: LogOptions::LEDGER,
        owner,
    };
    let seen = witness(stamp.decision_frame);
    let (mut decisions, _) =
        DecisionLedger::open(&place, identity.node_id.clone(), seen, &dir.quarantine())?;

    let bound_here = disk.directory_id(dir.path())? == identity.binding;
    let latch = latch_of(&decisions.entries());
    let original = bound_here && latch.failures().all(|failure| failure.rule != RuleId::St2);
    let given = expected_epoch.next().and_then(|next| decline_of(&decisions.entries(), next));
    if let (Some((seq, certificate)), true) = (given, original) {
        return Ok(Declining::Declined(seq, certificate));
    }
    let node = identity.node_id.clone();
    let facts = DeclineFacts::new(&read.authority, node, expected_epoch, original);
    let (decision, explanation) = Recorded::decide(facts);
    let Some(claim) = decision.facts.claim().filter(|_| explanation.holds()) else {
        let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
        let remedies = remedies(&decision.facts, &failed);
        // A copy is not written to: it is nobody's record.
        if original {
            let body = DecisionBody::DeclineRefused { decision, request: None };
            decisions.append(body, annotation, &key)?;
        }
        return Ok(Declining::Refused(Refused { explanation, remedies }));
    };
    let certificate = sign_decline(&key, claim);
    let answer = certificate.clone();
    let body = DecisionBody::Declined { decision, certificate, request: None };
    let seq = decisions.append(body, annotation, &key)?.seq;
    let stamp = Stamp { decision_frame: decisions.last_frame_seq(), ..stamp };
    identity.restamped(stamp).write(&**disk, dir.path())?;
    Ok(Declining::Declined(seq, answer))
}

//! The heir's decline, made on its disk: a successor that does not run any more need not block writes, and a
//! relinquishment to it need not be the end.
//!
//! 0. a copy is refused, and not written to: it is nobody's record
//! 1. both ledgers are opened, which makes all of them durable; the WAL must not have seen more of them
//! 2. a decline that it holds is answered as it is; a crash after step 3 leads here
//! 3. the decline is appended: frame and fsync, trailer and fsync
//! 4. the stamp names it, so that a ledger cut before it does not start

use std::sync::Arc;

use aerodb_core::authority::{Annotation, Authority, SignedDecline};
use aerodb_core::decision::decline::{DeclineFacts, remedies};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::directory::Retired;
use aerodb_core::explain::{Explanation, Recorded, explain};
use aerodb_core::id::{Epoch, Seq};
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::{AuthorityLedger, sign_decline};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::wal::scan_read_only;
use aerodb_ledger::{LedgerPlace, OpenError};

use crate::declines::decline_of;
use crate::directory::{DataDir, lock};
use crate::halts::latch_of;
use crate::identity::{IdentityFile, Stamp};
use crate::recovery::choose;
use crate::replay::ReplayError;
use crate::stopped::contents::read;
use crate::stopped::{Refused, StoppedError};
use crate::witness::{frame, of_record};

/// What came of it.
#[derive(Debug)]
pub enum Declining {
    /// The node's word, and where it stands in its record.
    Declined(Seq, SignedDecline),
    /// It was refused; recorded, unless the directory is a copy.
    Refused(Refused),
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
    if let Some(given) = given_up(dir, disk, &identity, expected_epoch)? {
        return Ok(given);
    }
    if disk.directory_id(dir.path())? != identity.binding || identity.retired.is_some() {
        let seen = frame(stamp.authority_frame);
        let read =
            AuthorityLedger::open_read_only(&**disk, &dir.authority_ledger(), Some(&owner), seen)?;
        let facts = DeclineFacts::new(&read.authority, identity.node_id, expected_epoch, false);
        let explanation = explain(&facts);
        return Ok(refused(&facts, explanation));
    }
    let (authority_dir, decision_dir) = (dir.authority_ledger(), dir.decision_ledger());
    let options = dir.ledger_options();
    let place = |dir| LedgerPlace { disk: Arc::clone(disk), dir, options, owner };
    let quarantine = dir.quarantine();
    let (ledger, _) =
        AuthorityLedger::open(&place(&authority_dir), frame(stamp.authority_frame), &quarantine)?;
    check_seen(dir, disk, &identity, ledger.authority())?;
    let (mut decisions, _) = DecisionLedger::open(
        &place(&decision_dir),
        identity.node_id.clone(),
        of_record(stamp.decision_frame, &ledger.entries(), &identity.node_id),
        &quarantine,
    )?;
    let latch = latch_of(&decisions.entries());
    let original = latch.failures().all(|failure| failure.rule != RuleId::St2);
    let given = expected_epoch.next().and_then(|next| decline_of(&decisions.entries(), next));
    if let (Some((seq, certificate)), true) = (given, original) {
        return Ok(Declining::Declined(seq, certificate));
    }
    let node = identity.node_id.clone();
    let facts = DeclineFacts::new(ledger.authority(), node, expected_epoch, original);
    let (decision, explanation) = Recorded::decide(facts);
    let Some(claim) = decision.facts.claim().filter(|_| explanation.holds()) else {
        let refused = refused(&decision.facts, explanation);
        let body = DecisionBody::DeclineRefused { decision, request: None };
        decisions.append(body, annotation, &key)?;
        return Ok(refused);
    };
    let certificate = sign_decline(&key, claim);
    let answer = certificate.clone();
    let body = DecisionBody::Declined { decision, certificate, request: None };
    let seq = decisions.append(body, annotation, &key)?.seq;
    let stamp = Stamp { decision_frame: decisions.last_frame_seq(), ..stamp };
    identity.restamped(stamp).write(&**disk, dir.path())?;
    Ok(Declining::Declined(seq, answer))
}

/// What a directory declined before it was retired holds for good, and is answered as it is. Nothing is written.
fn given_up(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    expected_epoch: Epoch,
) -> Result<Option<Declining>, StoppedError> {
    let (Some(Retired::Forked { .. }), Some(next)) = (identity.retired, expected_epoch.next())
    else {
        return Ok(None);
    };
    let contents = read(dir, disk, identity)?;
    let given = decline_of(&contents.decisions, next);
    Ok(given.map(|(seq, certificate)| Declining::Declined(seq, certificate)))
}

/// A ledger that lost its tail may have lost this node's own grant of the epoch that is to be declined (AU-14).
fn check_seen(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    authority: &Authority,
) -> Result<(), StoppedError> {
    let owner = identity.key().public_key();
    let checkpoint = choose(&**disk, dir, &owner, authority)?;
    let (wal, frames) = (dir.wal(), frame(identity.stamp.wal_frame));
    let head = authority.head().seq;
    scan_read_only(&**disk, &wal, Some(&owner), checkpoint.as_ref(), frames, &mut |raw| match raw
        .claimed_stamp()
        .map(|stamp| stamp.seq)
        .filter(|seen| *seen > head)
    {
        Some(seen) => Err(ReplayError::LedgerShort { seen: seen.get(), head: head.get() }),
        None => Ok(()),
    })
    .map_err(|error| match error {
        OpenError::Fault(fault) => StoppedError::Fault(fault),
        OpenError::Refused(short) => StoppedError::Replay(short),
    })
    .map(drop)
}

fn refused(facts: &DeclineFacts, explanation: Explanation) -> Declining {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    Declining::Refused(Refused { remedies: remedies(facts, &failed), explanation })
}

//! Steps 3 and 4: the old directory declines what it could be granted, records the fork, and is retired.

use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::decision::decline::DeclineFacts;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::directory::Retired;
use aerodb_core::explain::Recorded;
use aerodb_core::hash::ClusterId;
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::authority::{AuthorityLedger, sign_decline};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;

use crate::declines::decline_of;
use crate::directory::DataDir;
use crate::identity::{IdentityFile, Stamp};
use crate::stopped::StoppedError;
use crate::stopped::contents::Contents;
use crate::witness::frame;

/// From the end of this on the directory never starts again.
pub(super) fn give_up(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    contents: &Contents,
    forked: Option<DecisionBody>,
    cluster: ClusterId,
    annotation: &Annotation,
) -> Result<(), StoppedError> {
    let original = contents.is_original(dir, disk, identity)?;
    let declined = decline(dir, disk, identity, contents, original)?;
    let said: Vec<DecisionBody> = declined.into_iter().chain(forked).collect();
    let decision_frame = record(dir, disk, identity, &said, annotation)?;
    let stamp = Stamp { decision_frame, ..identity.stamp };
    let retired = identity.restamped(stamp).retired(Retired::Forked { cluster });
    let _ = retired.write(&**disk, dir.path())?;
    Ok(())
}

/// The heir's decline, unless it was given before, or nobody would be bound by it.
fn decline(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    contents: &Contents,
    original: bool,
) -> Result<Option<DecisionBody>, StoppedError> {
    let key = identity.key();
    let (ledger_dir, owner) = (dir.authority_ledger(), key.public_key());
    let options = dir.ledger_options();
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &ledger_dir, options, owner };
    // What it is said of is durable before it is said.
    let seen = frame(identity.stamp.authority_frame);
    let (ledger, _) = AuthorityLedger::open(&place, seen, &dir.quarantine())?;
    let epoch = ledger.authority().epoch();
    let given = epoch.next().and_then(|next| decline_of(&contents.decisions, next));
    let facts = DeclineFacts::new(ledger.authority(), identity.node_id.clone(), epoch, original);
    let (decision, explanation) = Recorded::decide(facts);
    let claim = decision.facts.claim().filter(|_| explanation.holds() && given.is_none());
    Ok(claim.map(|claim| {
        let certificate = sign_decline(&key, claim);
        DecisionBody::Declined { decision, certificate, request: None }
    }))
}

/// Appends to the directory's own record; gives its last frame.
pub(super) fn record(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    said: &[DecisionBody],
    annotation: &Annotation,
) -> Result<u64, StoppedError> {
    let (key, decision_dir) = (identity.key(), dir.decision_ledger());
    let (options, owner) = (dir.ledger_options(), key.public_key());
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &decision_dir, options, owner };
    let seen = frame(identity.stamp.decision_frame);
    let (mut decisions, _) =
        DecisionLedger::open(&place, identity.node_id.clone(), seen, &dir.quarantine())?;
    for body in said {
        decisions.append(body.clone(), annotation.clone(), &key)?;
    }
    Ok(decisions.last_frame_seq())
}

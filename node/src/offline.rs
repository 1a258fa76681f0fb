//! A promotion's dry run on a stopped node's directory, or on a copy of one: the same facts through the
//! same rules, read without touching anything. The answer is byte for byte what the running node gives.

use std::sync::Arc;

use aerodb_core::decision::node_state::{History, NodeState, PromotionAsked};
use aerodb_core::decision::promotion::{AuthorityFacts, PromotionFacts, basis_for, remedies};
use aerodb_core::explain::{Explanation, Remedy, explain};
use aerodb_core::hash::{Chain, ClusterId};
use aerodb_core::id::{Boundary, Epoch, NodeId};
use aerodb_core::machine::RoleName;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_http_api::types::Brought;
use aerodb_ledger::authority::{AuthorityLedger, present_decline};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, RealDisk};
use aerodb_ledger::wal::scan_read_only;
use aerodb_ledger::{Fault, OpenError};

use crate::declines::has_declined_after;
use crate::directory::DataDir;
use crate::evidence::{Unfit, extend};
use crate::halts::latch_of;
use crate::identity::{IdentityError, IdentityFile, RetiredDirectory, Stamp};
use crate::recovery::{CheckpointRefused, choose};
use crate::replay::{Replay, ReplayError};
use crate::store::Store;
use crate::witness::{frame, of_record};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Entries that were brought do not count.
    #[error("the evidence does not count: {0} ({rule})", rule = .0.rule())]
    Evidence(#[from] Unfit),
    /// The directory was given up for good: nothing is ever granted there.
    #[error(transparent)]
    Retired(#[from] RetiredDirectory),
    /// A log is damaged or cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The authority ledger lacks entries that the WAL has seen, or the WAL does not lead to the checkpoint.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefused),
}

/// What a promotion of the directory's node would come to, and what could change it.
///
/// # Errors
/// [`OfflineError`] when the directory cannot be read or is damaged.
pub fn dry_run(
    dir: &DataDir,
    expected_epoch: Epoch,
    replica_id: Option<NodeId>,
    brought: Brought,
) -> Result<(Explanation, Vec<Remedy>), OfflineError> {
    let facts = facts(dir, expected_epoch, replica_id, brought)?;
    let explanation = explain(&facts);
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    Ok((explanation, remedies(&facts, &failed)))
}

fn facts(
    dir: &DataDir,
    expected_epoch: Epoch,
    replica_id: Option<NodeId>,
    Brought { decline, entries }: Brought,
) -> Result<PromotionFacts, OfflineError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let identity = IdentityFile::read(&*disk, dir.path())?;
    identity.check_in_force(dir.path())?;
    let (node, owner) = (identity.node_id.clone(), identity.key().public_key());
    let Stamp { authority_frame, decision_frame, wal_frame, .. } = identity.stamp;

    let read = AuthorityLedger::open_read_only(
        &*disk,
        &dir.authority_ledger(),
        Some(&owner),
        frame(authority_frame),
    )?;
    let authority = read.authority;
    let keys = authority
        .members()
        .map(|(member, _)| (member.node_id.clone(), member.public_key))
        .collect();
    let decisions = DecisionLedger::open_read_only(
        &*disk,
        &dir.decision_ledger(),
        Some(&owner),
        keys,
        of_record(decision_frame, &read.entries, &node),
    )?;
    let halt = latch_of(&decisions.entries).cause().map(|failure| failure.rule);

    let pulled = Arc::clone(&authority);
    let authority = extend(&pulled, &node, &entries)?.authority;
    let declined = has_declined_after(&decisions.entries, authority.epoch());
    let decline = decline.map(|decline| present_decline(&authority, decline));
    let basis =
        basis_for(&identity.cluster, &AuthorityFacts::from(&*authority), &node, decline.as_ref());
    let wanted = basis.map(|(_, position)| position.boundary);
    let checkpoint = choose(&*disk, dir, &owner, &pulled)?;
    let mut chain_at_basis = known_chain(&identity.cluster, checkpoint.as_ref(), wanted);
    // Nobody reads the store: the snapshot is not loaded.
    let (writer, _) = Store::empty();
    let mut replay = Replay::new(&pulled, writer, checkpoint.as_ref());
    let (wal, seen) = (dir.wal(), frame(wal_frame));
    scan_read_only(&*disk, &wal, Some(&owner), checkpoint.as_ref(), seen, &mut |raw| {
        replay.take(&raw)?;
        let ends_there = raw.claimed_range().map(|(_, last)| Boundary::from(last)) == wanted;
        if wanted.is_some() && ends_there {
            chain_at_basis = Some(raw.claimed_chains().1);
        }
        Ok(())
    })
    .map_err(|error| match error {
        OpenError::Fault(fault) => OfflineError::Fault(fault),
        OpenError::Refused(refused) => OfflineError::Replay(refused),
    })?;
    let replayed = replay.finish(None)?;
    let standing = &replayed.standing;
    let rejected = replayed.rejected.as_ref().map(aerodb_core::wal::Divergence::rule);
    let halt = halt.or(rejected);
    let asked = PromotionAsked { expected_epoch, replica_id, decline, attempt_in_progress: false };
    let history = History {
        wal_end: standing.tip,
        received: standing.received,
        chain_at_basis: chain_at_basis.filter(|_| wanted <= Some(standing.tip.boundary)),
        epoch_mismatch: standing.epochs.first_mismatch(&authority),
        declined,
    };
    let state = NodeState {
        node: &node,
        authority: &authority,
        role: RoleName::by_ledger(&pulled, &node),
        halt,
    };
    Ok(state.of_promotion(asked, history))
}

/// The chain at the wanted place where no batch of the WAL has to be read for it: the origin, and what the
/// checkpoint keeps of the history below.
fn known_chain(
    cluster: &ClusterId,
    checkpoint: Option<&Checkpoint>,
    wanted: Option<Boundary>,
) -> Option<Chain> {
    let kept = checkpoint.into_iter().flat_map(Checkpoint::known_places);
    let mut known = std::iter::once(Position::origin(cluster)).chain(kept);
    known.find(|place| Some(place.boundary) == wanted).map(|place| place.chain)
}

//! All that lies in a stopped node's directory, read and proven like for a start, and nothing of it changed: what
//! is decided on when two directories are compared, or a cluster is founded from one.

use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::decision::record::{Lasting, SignedDecision};
use aerodb_core::id::{Boundary, Seq};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::log::Witness;
use aerodb_ledger::wal::scan_read_only;
use aerodb_ledger::{Entries, OpenError};

use crate::directory::DataDir;
use crate::halts::latch_of;
use crate::identity::IdentityFile;
use crate::recovery::{choose, load};
use crate::replay::{Replay, Replayed};
use crate::retention;
use crate::stopped::StoppedError;
use crate::store::Store;
use crate::witness::{frame, named_here, of_record};

/// What was read.
#[derive(Debug)]
pub(super) struct Contents {
    /// What the authority ledger says.
    pub(super) authority: Arc<Authority>,
    /// The node's own record.
    pub(super) decisions: Entries<SignedDecision>,
    /// The end of it.
    pub(super) decisions_end: Option<LedgerHead>,
    /// The history, in a store of its own.
    pub(super) replayed: Replayed,
}

impl Contents {
    /// Whether nothing shows that the directory is a copy, or that another one has its identity.
    ///
    /// # Errors
    /// [`StoppedError`] when the directory cannot be told.
    pub(super) fn is_original(
        &self,
        dir: &DataDir,
        disk: &Arc<dyn Disk>,
        identity: &IdentityFile,
    ) -> Result<bool, StoppedError> {
        let latch = latch_of(&self.decisions);
        let alone = latch.failures().all(|failure| failure.rule != RuleId::St2);
        Ok(disk.directory_id(dir.path())? == identity.binding && alone)
    }
}

/// Reads everything.
///
/// # Errors
/// [`StoppedError`] when something of it is damaged, missing or cannot be read.
pub(super) fn read(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
) -> Result<Contents, StoppedError> {
    let (owner, stamp) = (identity.key().public_key(), identity.stamp);
    let ledger = AuthorityLedger::open_read_only(
        &**disk,
        &dir.authority_ledger(),
        Some(&owner),
        frame(stamp.authority_frame),
    )?;
    let authority = ledger.authority;
    let members = authority.members();
    let keys = members.map(|(member, _)| (member.node_id.clone(), member.public_key)).collect();
    let decisions = DecisionLedger::open_read_only(
        &**disk,
        &dir.decision_ledger(),
        Some(&owner),
        keys,
        of_record(stamp.decision_frame, &ledger.entries, &identity.node_id),
    )?;
    let checkpoint = choose(&**disk, dir, &owner, &authority)?;
    let writer = match &checkpoint {
        Some(marker) => load(&**disk, dir, marker)?.0,
        None => Store::empty().0,
    };
    let mut replay = Replay::new(&authority, writer, checkpoint.as_ref());
    let floor = retention::recorded(&**disk, dir, authority.cluster(), &owner)?;
    let named = named_here(&ledger.entries, &identity.node_id);
    let record = named.max(floor.map(Boundary::get).filter(|commit| *commit > 0));
    let seen = Witness { record, ..frame(stamp.wal_frame) };
    let (wal, marker) = (dir.wal(), checkpoint.as_ref());
    scan_read_only(&**disk, &wal, Some(&owner), marker, seen, &mut |raw| replay.take(&raw))
        .map_err(|error| match error {
            OpenError::Fault(fault) => StoppedError::Fault(fault),
            OpenError::Refused(refused) => StoppedError::Replay(refused),
        })?;
    let mut replayed = replay.finish(None)?;
    retention::honour(&mut replayed, floor)?;
    Ok(Contents {
        authority,
        decisions: decisions.entries,
        decisions_end: decisions.head,
        replayed,
    })
}

/// The last entry of a record that settles what `wanted` picks.
pub(super) fn last_of<T>(
    entries: &Entries<SignedDecision>,
    wanted: impl Fn(Lasting<'_>) -> Option<T>,
) -> Option<(Seq, T)> {
    let all = entries.after(None, usize::MAX);
    all.iter().rev().find_map(|stored| {
        let entry = &stored.entry.entry;
        entry.body.lasting().and_then(&wanted).map(|found| (entry.seq, found))
    })
}

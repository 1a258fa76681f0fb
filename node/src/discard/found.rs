//! A directory, read as at a start and left as it is: where its validated history ends, and what lies past that.

use std::sync::Arc;

use aerodb_core::authority::{Authority, SignedEntry};
use aerodb_core::decision::record::{ENTRIES_ASIDE_MAX, EntryAside};
use aerodb_core::hash::PublicKey;
use aerodb_core::id::Boundary;
use aerodb_core::machine::Latch;
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_http_api::types::Discarded;
use aerodb_ledger::OpenError;
use aerodb_ledger::authority::{AuthorityLedger, ReadAuthority};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::wal::scan_read_only;

use crate::directory::DataDir;
use crate::discard::DiscardError;
use crate::discard::suffix::Suffix;
use crate::halts::latch_of;
use crate::identity::IdentityFile;
use crate::parted::{folded_to, kept_before};
use crate::recovery::choose;
use crate::replay::Replay;
use crate::store::Store;
use crate::wal::Standing;
use crate::witness::{frame, of_record};

/// A directory whose log holds more than validated history, or not, as it was read.
#[derive(Debug)]
pub struct Found {
    pub(super) identity: IdentityFile,
    pub(super) owner: PublicKey,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) standing: Standing,
    pub(super) cut: Option<Cut>,
    latch: Latch,
    suffix: Suffix,
}

/// An authority ledger in two.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) kept: Vec<SignedEntry>,
    aside: Vec<EntryAside>,
}

impl Found {
    /// Whether the logs end where they should.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.suffix.batches == 0 && self.cut.is_none()
    }

    /// The same, unless there is nothing to set aside.
    ///
    /// # Errors
    /// [`DiscardError::Nothing`].
    pub fn something(self) -> Result<Self, DiscardError> {
        if self.is_nothing() {
            return Err(DiscardError::Nothing { end: self.standing.tip.boundary });
        }
        Ok(self)
    }

    /// Whose directory it is.
    pub(super) const fn identity(&self) -> &IdentityFile {
        &self.identity
    }

    /// What is latched.
    pub(super) const fn latch(&self) -> &Latch {
        &self.latch
    }

    /// What would be set aside.
    #[must_use]
    pub fn listed(&self, cleared: Option<RuleId>) -> Discarded {
        let aside = self.cut.as_ref().map(|cut| &cut.aside[..]).unwrap_or_default();
        Discarded {
            seq: None,
            kept: self.standing.tip,
            discarded: self.standing.received,
            cleared,
            commits_total: self.suffix.commits_total,
            commits: self.suffix.commits.clone(),
            entries_total: aside.len() as u64,
            entries: aside.iter().take(ENTRIES_ASIDE_MAX).cloned().collect(),
            quarantine: None,
        }
    }
}

/// Reads everything and finds where the validated history ends, changing nothing.
///
/// # Errors
/// [`DiscardError`].
pub fn find(dir: &DataDir, disk: &Arc<dyn Disk>) -> Result<Found, DiscardError> {
    let identity = IdentityFile::read(&**disk, dir.path())?;
    identity.check_in_force(dir.path())?;
    let owner = identity.key().public_key();
    let stamp = identity.stamp;
    let ledger = AuthorityLedger::open_read_only(
        &**disk,
        &dir.authority_ledger(),
        Some(&owner),
        frame(stamp.authority_frame),
    )?;
    let latch = latch_in(dir, disk, &identity, &ledger)?;
    let (authority, cut) = cut(ledger, latch.failures().find_map(kept_before))?;
    if authority.holder() == &identity.node_id && cut.is_none() {
        return Err(DiscardError::Holder { node: identity.node_id, epoch: authority.epoch() });
    }
    let checkpoint = choose(&**disk, dir, &owner, &authority)?;
    let (writer, _) = Store::empty();
    let mut replay = Replay::new(&authority, writer, checkpoint.as_ref());
    let mut suffix = Suffix::default();
    let (wal, seen) = (dir.wal(), frame(stamp.wal_frame));
    let (head, mut past) = (authority.head().seq, None);
    scan_read_only(&**disk, &wal, Some(&owner), checkpoint.as_ref(), seen, &mut |raw| {
        let of_an_entry_aside = raw.claimed_stamp().is_some_and(|stamp| stamp.seq > head);
        if past.is_some() || (cut.is_some() && of_an_entry_aside) {
            past = raw.claimed_range().map(|(_, last)| Boundary::from(last)).max(past);
            suffix.take(&raw);
            return Ok(());
        }
        replay.take(&raw)?;
        if replay.is_rejecting() {
            suffix.take(&raw);
        }
        Ok(())
    })
    .map_err(|error| match error {
        OpenError::Fault(fault) => DiscardError::Fault(fault),
        OpenError::Refused(refused) => DiscardError::Replay(refused),
    })?;
    let mut standing = replay.finish(None)?.standing;
    standing.received = standing.received.max(past.unwrap_or(standing.received));
    let start = authority.start();
    if standing.tip.boundary == start.boundary && standing.tip.chain != start.chain {
        return Err(DiscardError::Parted { at: start.boundary });
    }
    Ok(Found { identity, owner, checkpoint, standing, cut, latch, suffix })
}

/// The ledger through the entry that is kept; all of it where none is named.
fn cut(
    ledger: ReadAuthority,
    kept: Option<LedgerHead>,
) -> Result<(Arc<Authority>, Option<Cut>), DiscardError> {
    let Some(head) = kept.filter(|head| *head != ledger.authority.head()) else {
        return Ok((ledger.authority, None));
    };
    let entries = ledger.entries.after(None, usize::MAX);
    let authority = folded_to(&entries, head)
        .map_err(|rejected| DiscardError::Ledger(rejected.to_string()))?
        .ok_or_else(|| DiscardError::Ledger(format!("entry {}, {}", head.seq, head.hash)))?;
    let entries = entries.iter().map(|stored| &*stored.entry);
    let (kept, aside): (Vec<_>, Vec<_>) = entries.partition(|signed| signed.entry.seq <= head.seq);
    let aside = aside.into_iter().map(|signed| EntryAside {
        seq: signed.entry.seq,
        hash: signed.entry.hash(),
        entry: signed.entry.body.kind().to_owned(),
    });
    let cut = Cut { kept: kept.into_iter().cloned().collect(), aside: aside.collect() };
    Ok((authority, Some(cut)))
}

/// What is latched, from a decision ledger that is only read.
fn latch_in(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    ledger: &ReadAuthority,
) -> Result<Latch, DiscardError> {
    let keys = ledger.authority.members();
    let keys = keys.map(|(member, _)| (member.node_id.clone(), member.public_key)).collect();
    let read = DecisionLedger::open_read_only(
        &**disk,
        &dir.decision_ledger(),
        Some(&identity.key().public_key()),
        keys,
        of_record(identity.stamp.decision_frame, &ledger.entries, &identity.node_id),
    )?;
    Ok(latch_of(&read.entries))
}

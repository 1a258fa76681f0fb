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

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{Annotation, Authority, SignedEntry};
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Boundary, Epoch, NodeId, Seq};
use aerodb_core::machine::Latch;
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Op, RawBatch};
use aerodb_http_api::types::{Discarded, EntryAside, SetAside};
use aerodb_ledger::authority::{AuthorityLedger, ReadAuthority};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, DiskError, is_dir, remove_tree};
use aerodb_ledger::log::{InvalidOptions, LogOptions, Prepare, Witness};
use aerodb_ledger::wal::{Wal, WalPlace, scan_read_only};
use aerodb_ledger::{Fault, LedgerPlace, OpenError};

use crate::directory::{DataDir, DirectoryError, block_under, lock};
use crate::halts::latch_of;
use crate::identity::{IdentityError, IdentityFile, RetiredDirectory, Stamp};
use crate::parted::{folded_to, kept_before};
use crate::recovery::{CheckpointRefused, choose};
use crate::replay::{Replay, ReplayError};
use crate::store::Store;
use crate::wal::Standing;

/// The most bytes of batches that are written as one frame.
const FRAME_BYTES: usize = 1 << 20;

/// The most commits that are listed; the quarantined log holds them all.
const LISTED_MAX: usize = 1000;

/// Where the log that is kept lies until it takes the other one's place.
const KEPT: &str = "wal.kept";

/// The same for the authority ledger.
const KEPT_LEDGER: &str = "authority.ledger.kept";

/// Why nothing was set aside.
#[derive(Debug, thiserror::Error)]
pub enum DiscardError {
    /// The directory or its lock.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The directory was given up for good: what lies in it stays as it is.
    #[error(transparent)]
    Retired(#[from] RetiredDirectory),
    /// A log is damaged or cannot be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The authority ledger lacks entries that the WAL has seen, or the WAL does not lead to the checkpoint.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefused),
    /// The decision ledger refuses the entry.
    #[error("the decision ledger refuses the entry: {0}")]
    Record(String),
    /// The segments cannot be of that size.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// The authority ledger is not the one that the node halted over.
    #[error("the authority ledger does not have the entry that the failure names: {0}")]
    Ledger(String),
    /// The node holds the epoch by its own ledger: what it wrote in it is its history.
    #[error("COMMAND_REFUSED: {node} holds epoch {epoch} by its own ledger; only a node that a later grant deposed, or a replica, has a suffix to discard ({rule})", rule = RuleId::FV2)]
    Holder {
        /// The node.
        node: NodeId,
        /// The epoch.
        epoch: Epoch,
    },
    /// Everything in the WAL is validated history.
    #[error("COMMAND_REFUSED: the WAL ends where the validated history ends, at commit {end}; there is nothing to discard ({rule})", rule = RuleId::FV2)]
    Nothing {
        /// The end.
        end: Boundary,
    },
    /// The node is halted by something else too, which would be cleared with the rest.
    #[error(
        "HALTED: the node is halted by {rule} too, which no discarding undoes; keep its directory, audit it, and join under a new node id"
    )]
    OtherFailure {
        /// The rule.
        rule: RuleId,
    },
    /// The history below the grant's start is another one.
    #[error("COMMAND_REFUSED: the history here is another one at commit {at}, where the last grant starts; no suffix explains that, join under a new node id ({rule})", rule = RuleId::Ri3)]
    Parted {
        /// Where the grant starts.
        at: Boundary,
    },
}

/// What is read of the log past the validated history: as much as is listed.
#[derive(Debug, Default)]
struct Suffix {
    batches: u64,
    commits_total: u64,
    commits: Vec<SetAside>,
}

/// What an opened decision ledger does for a discarding: the entry is durable, these are its number and the
/// ledger's last frame.
#[derive(Debug)]
pub struct Recorded {
    /// The entry.
    pub seq: Seq,
    /// The last frame after it.
    pub frame: u64,
}

/// A directory whose log holds more than validated history, or not, as it was read.
#[derive(Debug)]
pub struct Found {
    identity: IdentityFile,
    owner: PublicKey,
    authority: Arc<Authority>,
    checkpoint: Option<Checkpoint>,
    standing: Standing,
    suffix: Suffix,
    cut: Option<Cut>,
}

/// An authority ledger in two.
#[derive(Debug)]
struct Cut {
    kept: Vec<SignedEntry>,
    aside: Vec<EntryAside>,
}

/// Says what would be set aside, changing nothing.
///
/// # Errors
/// [`DiscardError`].
pub fn look(dir: &DataDir, disk: &Arc<dyn Disk>) -> Result<Discarded, DiscardError> {
    let found = find(dir, disk)?.something()?;
    let cleared = cleared(&latch_in(dir, disk, &found.identity, &found.authority)?)?;
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
        return Ok(find(dir, disk)?.listed(None));
    }
    let found = find(dir, disk)?.something()?;
    let place = ledger_place(dir, disk, found.owner);
    let decision_dir = dir.decision_ledger();
    let (mut decisions, _) = DecisionLedger::open(
        &LedgerPlace { dir: &decision_dir, ..place },
        found.identity.node_id.clone(),
        witness(found.identity.stamp.decision_frame),
        &dir.quarantine(),
    )?;
    let cleared = cleared(&latch_of(&decisions.entries()))?;
    let next = decisions.next_seq();
    let key = found.identity.key();
    let (discarded, _) = found.set_aside(dir, disk, (cleared, None), next, |body| {
        let recorded = decisions.append(body, annotation, &key);
        let seq = recorded.map_err(|error| DiscardError::Record(error.to_string()))?.seq;
        Ok(Recorded { seq, frame: decisions.last_frame_seq() })
    })?;
    Ok(discarded)
}

const fn witness(frame: u64) -> Witness {
    Witness { frame_seq: if frame > 0 { Some(frame) } else { None }, record: None }
}

fn ledger_place<'a>(dir: &'a DataDir, disk: &Arc<dyn Disk>, owner: PublicKey) -> LedgerPlace<'a> {
    LedgerPlace { disk: Arc::clone(disk), dir: dir.path(), options: dir.ledger_options(), owner }
}

/// A rename that is durable in the directory that it leads to.
fn put(disk: &Arc<dyn Disk>, from: &Path, to: &Path) -> Result<(), DiskError> {
    disk.rename(from, to)?;
    disk.sync_dir(to.parent().unwrap_or_else(|| Path::new(".")))
}

/// Step 5, where a ledger is kept: the one in force goes aside, unless it has gone already.
fn put_ledger(dir: &DataDir, disk: &Arc<dyn Disk>, number: &str) -> Result<(), DiskError> {
    let (kept, place) = (dir.path().join(KEPT_LEDGER), dir.authority_ledger());
    if !is_dir(&**disk, &kept)? {
        return Ok(());
    }
    if is_dir(&**disk, &place)? {
        put(disk, &place, &dir.quarantine().join(format!("authority-{number}")))?;
        disk.sync_dir(dir.path())?;
    }
    put(disk, &kept, &place)
}

/// The number in the name of the WAL that was set aside last.
fn last_number(dir: &DataDir, disk: &Arc<dyn Disk>) -> Result<String, DiskError> {
    let names = disk.list(&dir.quarantine())?;
    let numbers = names.iter().filter_map(|name| name.strip_prefix("wal-"));
    Ok(numbers.max().unwrap_or_default().to_owned())
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

    /// What would be set aside.
    #[must_use]
    pub fn listed(&self, cleared: Option<RuleId>) -> Discarded {
        Discarded {
            seq: None,
            kept: self.standing.tip,
            discarded: self.standing.received,
            cleared,
            commits_total: self.suffix.commits_total,
            commits: self.suffix.commits.clone(),
            entries: self.cut.as_ref().map(|cut| cut.aside.clone()).unwrap_or_default(),
            quarantine: None,
        }
    }

    /// Steps 1 to 6. Recorded are the failure that this clears and the operator's name for the request. `next` is
    /// the number that the entry will have, which names the quarantined logs. Gives the
    /// identity with its new stamp too: a process that serves the directory must not write an older one.
    ///
    /// # Errors
    /// [`DiscardError`]; run again, it goes on where it was.
    pub fn set_aside(
        self,
        dir: &DataDir,
        disk: &Arc<dyn Disk>,
        (cleared, request): (Option<RuleId>, Option<RequestRef>),
        next: Option<Seq>,
        record: impl FnOnce(DecisionBody) -> Result<Recorded, DiscardError>,
    ) -> Result<(Discarded, IdentityFile), DiscardError> {
        let kept_dir = dir.path().join(KEPT);
        let wal_frame = keep(&kept_dir, dir, disk, &self)?;
        let authority_frame = keep_ledger(dir, disk, &self)?;
        crash::reached(Point::DiscardKept);
        let number = format!("{:016}", next.map_or(0, Seq::get));
        let name = format!("wal-{number}");
        let mut discarded = self.listed(cleared);
        let Recorded { seq, frame } = record(DecisionBody::SuffixDiscarded {
            cleared,
            kept: discarded.kept,
            discarded: discarded.discarded,
            quarantine: name.clone(),
            commits_total: discarded.commits_total,
            request,
        })?;
        crash::reached(Point::DiscardRecorded);
        let mut stamp = Stamp { wal_frame, decision_frame: frame, ..self.identity.stamp };
        stamp.authority_frame = authority_frame.unwrap_or(stamp.authority_frame);
        let identity = self.identity.restamped(stamp).write(&**disk, dir.path())?;
        crash::reached(Point::DiscardStamped);
        put(disk, &dir.wal(), &dir.quarantine().join(&name))?;
        disk.sync_dir(dir.path())?;
        crash::reached(Point::DiscardAside);
        put_ledger(dir, disk, &number)?;
        put(disk, &kept_dir, &dir.wal())?;
        discarded.seq = Some(seq);
        discarded.quarantine = Some(name);
        Ok((discarded, identity))
    }
}

impl Suffix {
    fn take(&mut self, raw: &RawBatch) {
        self.batches += 1;
        for set_aside in readable(raw) {
            self.commits_total += 1;
            if self.commits.len() < LISTED_MAX {
                self.commits.push(set_aside);
            }
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
        witness(stamp.authority_frame),
    )?;
    let latch = latch_in(dir, disk, &identity, &ledger.authority)?;
    let (authority, cut) = cut(ledger, latch.failures().find_map(kept_before))?;
    if authority.holder() == &identity.node_id && cut.is_none() {
        return Err(DiscardError::Holder { node: identity.node_id, epoch: authority.epoch() });
    }
    let checkpoint = choose(&**disk, dir, &owner, &authority)?;
    let (writer, _) = Store::empty();
    let mut replay = Replay::new(&authority, writer, checkpoint.as_ref());
    let mut suffix = Suffix::default();
    let (wal, seen) = (dir.wal(), witness(stamp.wal_frame));
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
    Ok(Found { identity, owner, authority, checkpoint, standing, suffix, cut })
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
        entry: signed.entry.body.kind().to_owned(),
    });
    let cut = Cut { kept: kept.into_iter().cloned().collect(), aside: aside.collect() };
    Ok((authority, Some(cut)))
}

/// Writes the authority ledger that is kept beside the old one, if it is another one; gives its last frame.
fn keep_ledger(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    found: &Found,
) -> Result<Option<u64>, DiscardError> {
    let kept_dir = dir.path().join(KEPT_LEDGER);
    if is_dir(&**disk, &kept_dir)? {
        // What was cut off before step 4 was never used, and must not be by a later discarding.
        remove_tree(&**disk, &kept_dir)?;
        disk.sync_dir(dir.path())?;
    }
    let Some(cut) = &found.cut else { return Ok(None) };
    let options = LogOptions::LEDGER.with_block(block_under(dir, &**disk))?;
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &kept_dir, options, owner: found.owner };
    let ledger = AuthorityLedger::create(&place, cut.kept.clone())
        .map_err(|error| DiscardError::Ledger(error.to_string()))?;
    Ok(Some(ledger.last_frame_seq()))
}

/// Writes the WAL that is kept beside the old one; gives its last frame.
fn keep(
    kept_dir: &Path,
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    found: &Found,
) -> Result<u64, DiscardError> {
    if is_dir(&**disk, kept_dir)? {
        // Step 1 was cut off, or what followed it; what it wrote was never used.
        remove_tree(&**disk, kept_dir)?;
    }
    let options = LogOptions::new(dir.wal_options().segment_bytes(), Prepare::OnDemand)?
        .with_block(block_under(dir, &**disk))?;
    let place = WalPlace { disk: Arc::clone(disk), dir: kept_dir, options, owner: found.owner };
    let checkpoint = found.checkpoint.as_ref();
    let mut wal = match checkpoint {
        // What the checkpoint let go of stays gone: the WAL that is kept begins where it says.
        Some(marker) => Wal::create_after(&place, marker)?,
        None => Wal::create(&place)?,
    };
    let (mut frame, mut bytes) = (Vec::new(), 0);
    let end = found.standing.tip.boundary;
    scan_read_only(
        &**disk,
        &dir.wal(),
        Some(&found.owner),
        checkpoint,
        witness(found.identity.stamp.wal_frame),
        &mut |raw| {
            let within = raw.claimed_range().is_some_and(|(_, last)| end.covers(last));
            if within {
                bytes += raw.bytes().len();
                frame.push(raw);
            }
            if bytes > FRAME_BYTES {
                wal.append(&std::mem::take(&mut frame))?;
                bytes = 0;
            }
            Ok(())
        },
    )
    .map_err(|error: OpenError<Fault>| match error {
        OpenError::Fault(fault) | OpenError::Refused(fault) => fault,
    })?;
    if !frame.is_empty() {
        wal.append(&frame)?;
    }
    Ok(wal.last_frame_seq())
}

/// What is latched, from a decision ledger that is only read.
fn latch_in(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    authority: &Authority,
) -> Result<Latch, DiscardError> {
    let keys = authority.members();
    let keys = keys.map(|(member, _)| (member.node_id.clone(), member.public_key)).collect();
    let read = DecisionLedger::open_read_only(
        &**disk,
        &dir.decision_ledger(),
        Some(&identity.key().public_key()),
        keys,
        witness(identity.stamp.decision_frame),
    )?;
    Ok(latch_of(&read.entries))
}

/// The first cause, which discarding clears.
///
/// # Errors
/// [`DiscardError::OtherFailure`].
pub fn cleared(latch: &Latch) -> Result<Option<RuleId>, DiscardError> {
    latch.cleared_by_discarding().map_err(|rule| DiscardError::OtherFailure { rule })
}

/// What can be read of a batch that is set aside; received bytes may be no batch at all.
fn readable(raw: &RawBatch) -> Vec<SetAside> {
    let Ok(batch) = raw.decode() else { return Vec::new() };
    let key = |op: &Op| match op {
        Op::Put { key, .. } | Op::Delete { key } => String::from_utf8_lossy(key).into_owned(),
    };
    let epoch = batch.epoch();
    batch
        .commits()
        .map(|(commit_id, commit)| SetAside {
            commit_id,
            epoch,
            keys: commit.ops.iter().map(key).collect(),
        })
        .collect()
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

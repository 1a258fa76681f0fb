//! Integrity of the three logs, and completeness of the authority ledger.

use std::collections::BTreeMap;
use std::path::Path;

use aerodb_core::authority::Authority;
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Epoch, NodeId};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Batch, BatchError, Discontinuity, RawBatch, check_continuity};

use crate::authority::{AuthorityLedger, ReadAuthority};
use crate::checkpoint::Checkpoint;
use crate::decision::{DecisionLedger, ReadDecisions};
use crate::disk::Disk;
use crate::fault::{Damage, Fault, OpenError};
use crate::log::{Recovery, Witness};
use crate::verify::{Completeness, DirectoryReport, FaultReport, Integrity, LogReport, WalReport};
use crate::wal::scan_read_only;

/// The authority ledger's directory within a data directory.
pub const AUTHORITY_DIR: &str = "authority.ledger";
/// The decision ledger's directory within a data directory.
pub const DECISION_DIR: &str = "decision.ledger";
/// The WAL's directory within a data directory.
pub const WAL_DIR: &str = "wal";

/// Checks the three logs of a stopped node. Nothing is written. Without `owner` (the node's public key)
/// every part of the check runs but the one for foreign files.
#[must_use]
pub fn verify_directory(
    disk: &dyn Disk,
    data: &Path,
    owner: Option<&PublicKey>,
) -> DirectoryReport {
    let (authority_ledger, read) = verify_authority(disk, &data.join(AUTHORITY_DIR), owner);
    let authority = read.as_ref().map(|read| &*read.authority);
    let (decision_ledger, _) = verify_decisions(disk, &data.join(DECISION_DIR), owner, authority);
    let (checkpoint, marker) = verify_checkpoint(disk, data);
    let wal = verify_wal(disk, &data.join(WAL_DIR), owner, authority, marker.as_ref());
    let completeness = completeness(authority, wal.last_stamp);
    DirectoryReport { authority_ledger, decision_ledger, checkpoint, wal, completeness }
}

/// Checks an authority ledger: every entry's bytes, signatures, and place in the fold.
#[must_use]
pub fn verify_authority(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
) -> (LogReport, Option<ReadAuthority>) {
    match AuthorityLedger::open_read_only(disk, dir, owner, Witness::default()) {
        Ok(read) => (whole(&read.recovery, Some(read.authority.head())), Some(read)),
        Err(fault) => (broken(&fault), None),
    }
}

/// Checks a decision ledger: every entry's bytes, chain and signature. The key is `owner`, or that of the
/// member that the entries name.
#[must_use]
pub fn verify_decisions(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
    authority: Option<&Authority>,
) -> (LogReport, Option<ReadDecisions>) {
    let members: BTreeMap<NodeId, PublicKey> = authority
        .into_iter()
        .flat_map(Authority::members)
        .map(|(member, _)| (member.node_id.clone(), member.public_key))
        .collect();
    match DecisionLedger::open_read_only(disk, dir, owner, members, Witness::default()) {
        Ok(read) => (whole(&read.recovery, read.head), Some(read)),
        Err(fault) => (broken(&fault), None),
    }
}

fn whole(recovery: &Recovery, head: Option<LedgerHead>) -> LogReport {
    LogReport { integrity: Integrity::Ok, recovery: Some(recovery.clone()), head }
}

fn broken(fault: &Fault) -> LogReport {
    LogReport { integrity: Integrity::Fault(fault.into()), recovery: None, head: None }
}

/// Checks the checkpoint marker of a data directory, if there is one.
#[must_use]
pub fn verify_checkpoint(disk: &dyn Disk, data: &Path) -> (Integrity, Option<Checkpoint>) {
    match Checkpoint::read(disk, data) {
        Ok(marker) => (Integrity::Ok, marker),
        Err(error) => (Integrity::Fault(FaultReport::from(&error)), None),
    }
}

/// Why a batch of a WAL is not genuine.
#[derive(Debug, thiserror::Error)]
enum NotGenuine {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Continuity(#[from] Discontinuity),
}

/// Checks a WAL: every frame, every batch, the chain from the origin or the checkpoint's start, and, when the authority ledger
/// could be read, the epoch of every place.
#[must_use]
pub fn verify_wal(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
    authority: Option<&Authority>,
    checkpoint: Option<&Checkpoint>,
) -> WalReport {
    let end = checkpoint.map(|marker| marker.wal_start.position);
    let mut walk = Walk { authority, end, batches: 0, last_stamp: None };
    let witness = Witness::default();
    let scanned = scan_read_only(disk, dir, owner, checkpoint, witness, &mut |raw| walk.step(&raw));
    let (integrity, recovery) = match scanned {
        Ok(recovery) => (Integrity::Ok, Some(recovery)),
        Err(OpenError::Fault(fault)) => (Integrity::Fault(FaultReport::from(&fault)), None),
        Err(OpenError::Refused(damage)) => {
            let fault = FaultReport {
                rule: damage.rule(),
                file: Some(dir.to_owned()),
                offset: None,
                what: damage.to_string(),
            };
            (Integrity::Fault(fault), None)
        }
    };
    WalReport {
        integrity,
        recovery,
        end: walk.end,
        batches: walk.batches,
        last_stamp: walk.last_stamp,
        epochs_checked: authority.is_some(),
    }
}

/// A walk over the batches of a WAL.
struct Walk<'a> {
    authority: Option<&'a Authority>,
    end: Option<Position>,
    batches: u64,
    last_stamp: Option<LedgerHead>,
}

impl Walk<'_> {
    fn step(&mut self, raw: &RawBatch) -> Result<(), Damage> {
        let number = raw.claimed_range().map_or(0, |(first, _)| first.get());
        let batch = self.check(raw).map_err(|error| {
            let rule = match &error {
                NotGenuine::Batch(_) => RuleId::FV1,
                NotGenuine::Continuity(found) => found.rule(),
            };
            Damage::Record { number, rule, why: error.to_string() }
        })?;
        self.end = Some(batch.end());
        self.batches += 1;
        self.last_stamp = Some(batch.stamp());
        Ok(())
    }

    fn check(&self, raw: &RawBatch) -> Result<Batch, NotGenuine> {
        let batch = raw.decode()?;
        let origin = self.authority.map(|authority| Position::origin(authority.cluster()));
        match (self.end.or(origin), self.authority) {
            (Some(tip), Some(authority)) => {
                check_continuity(&tip, &batch, |commit| authority.epoch_at(commit))?;
            }
            // Without the ledger the batch's own epoch stands in: number and chain are still checked.
            (Some(tip), None) => {
                let epoch: Epoch = batch.epoch();
                check_continuity(&tip, &batch, |_| epoch)?;
            }
            (None, _) => {}
        }
        Ok(batch)
    }
}

fn completeness(authority: Option<&Authority>, seen: Option<LedgerHead>) -> Completeness {
    match (authority, seen) {
        (Some(authority), Some(seen)) if authority.contains(&seen) => Completeness::Ok,
        (Some(authority), Some(seen)) => {
            Completeness::Fault { rule: RuleId::Au14, seen, head: authority.head() }
        }
        (None, _) | (_, None) => Completeness::Unknown,
    }
}

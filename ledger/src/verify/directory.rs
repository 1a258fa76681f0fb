//! The three logs of a directory, each against itself and against the others.

use std::convert::Infallible;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::retention::Retention;
use crate::verify::completeness::{by_own_grant, by_wal};
use crate::verify::{
    DirectoryReport, FaultReport, Integrity, Known, VerifiedAuthority, verify_authority,
    verify_decisions, verify_wal,
};

/// The authority ledger's directory within a data directory.
pub const AUTHORITY_DIR: &str = "authority.ledger";
/// The decision ledger's directory within a data directory.
pub const DECISION_DIR: &str = "decision.ledger";
/// The directory of snapshots within a data directory.
pub const SNAPSHOTS_DIR: &str = "snapshots";
/// The WAL's directory within a data directory.
pub const WAL_DIR: &str = "wal";

/// Checks the three logs of a stopped node. Nothing is written, and memory does not grow with the logs, but
/// for one hash for each entry of the authority ledger. Without an owner every part of the check runs but
/// the one for foreign files; without stamps, completeness is judged by what the logs say of each other.
#[must_use]
pub fn verify_directory(disk: &dyn Disk, data: &Path, known: &Known<'_>) -> DirectoryReport {
    let Ok(ledger) =
        verify_authority(disk, &data.join(AUTHORITY_DIR), known, &mut |_| Ok::<(), Infallible>(()));
    let authority = ledger.authority.as_deref();
    let Ok(mut decision_ledger) =
        verify_decisions(disk, &data.join(DECISION_DIR), known, authority, &mut |_| {
            Ok::<(), Infallible>(())
        });
    if let (Some(asked), Integrity::Ok) = (ledger.asked, &decision_ledger.integrity) {
        let found = by_own_grant(decision_ledger.head, asked);
        decision_ledger.completeness = decision_ledger.completeness.and(found);
    }
    let (checkpoint, marker) = verify_checkpoint(disk, data);
    let checkpoint =
        if checkpoint == Integrity::Ok { verify_retention(disk, data) } else { checkpoint };
    let wal = verify_wal(disk, &data.join(WAL_DIR), known, &ledger, marker.as_ref());
    let VerifiedAuthority { mut report, authority, .. } = ledger;
    if let (Some(authority), Some(seen)) = (authority, wal.last_stamp) {
        report.completeness = report.completeness.and(by_wal(&authority, seen));
    }
    if wal.integrity != Integrity::Ok {
        report.completeness = report.completeness.unproven();
    }
    DirectoryReport { authority_ledger: report, decision_ledger, checkpoint, wal }
}

/// Checks the checkpoint marker of a data directory, if there is one, and every byte of the snapshot that it
/// names. A marker whose snapshot is damaged still says where the WAL begins.
#[must_use]
pub fn verify_checkpoint(disk: &dyn Disk, data: &Path) -> (Integrity, Option<Checkpoint>) {
    match Checkpoint::read(disk, data) {
        Ok(Some(marker)) => {
            let snapshot = verify_snapshot(disk, data, &marker);
            let fault = |fault| Integrity::Fault(FaultReport::from(&fault));
            (snapshot.err().map_or(Integrity::Ok, fault), Some(marker))
        }
        Ok(None) => (Integrity::Ok, None),
        Err(error) => (Integrity::Fault(FaultReport::from(&error)), None),
    }
}

fn verify_retention(disk: &dyn Disk, data: &Path) -> Integrity {
    match Retention::read(disk, data) {
        Ok(_) => Integrity::Ok,
        Err(error) => Integrity::Fault(FaultReport::from(&error)),
    }
}

fn verify_snapshot(disk: &dyn Disk, data: &Path, marker: &Checkpoint) -> Result<(), Fault> {
    let snapshot = marker.open_snapshot(disk, &data.join(SNAPSHOTS_DIR))?;
    snapshot.versions().try_for_each(|version| version.map(drop))
}

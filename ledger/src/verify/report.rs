//! What verification says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use serde::Serialize;

use crate::fault::Fault;
use crate::log::Recovery;
use crate::sealed::SealedError;
use crate::verify::Completeness;
use crate::wal::BatchPlace;

/// What kind of fault it is: a script does something else about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The bytes were read, and they are not what must be there.
    Damage,
    /// The disk did not give the bytes: of what they are nothing is known.
    Unreadable,
}

/// A fault as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultReport {
    /// Whether it was read and is wrong, or could not be read.
    pub kind: FaultKind,
    /// The rule that is broken, or that names the failure.
    pub rule: RuleId,
    /// The file, where the fault names one.
    pub file: Option<PathBuf>,
    /// Bytes from the start of the file to the damage, for damage.
    pub offset: Option<u64>,
    /// The fault in words.
    pub what: String,
}

impl FaultReport {
    /// What is wrong with a batch that lies here.
    #[must_use]
    pub fn of_batch(place: &BatchPlace, rule: RuleId, what: String) -> Self {
        let (file, offset) = (Some(place.file.to_path_buf()), Some(place.offset));
        Self { kind: FaultKind::Damage, rule, file, offset, what }
    }
}

impl From<&Fault> for FaultReport {
    fn from(fault: &Fault) -> Self {
        let (kind, file, offset) = match fault {
            Fault::Corrupt { file, offset, .. } => {
                (FaultKind::Damage, Some(file.clone()), Some(*offset))
            }
            Fault::Disk(error) | Fault::Poisoned { cause: error } => {
                (FaultKind::Unreadable, Some(error.path.clone()), None)
            }
            // Of writing, or of reading what was truncated away; no verification gives them.
            Fault::Exists { dir } => (FaultKind::Damage, Some(dir.clone()), None),
            Fault::TooLarge { .. }
            | Fault::NotNext { .. }
            | Fault::Removed { .. }
            | Fault::NoSuchStart { .. } => (FaultKind::Damage, None, None),
        };
        Self { kind, rule: fault.rule(), file, offset, what: fault.to_string() }
    }
}

impl From<&SealedError> for FaultReport {
    fn from(error: &SealedError) -> Self {
        let (kind, rule, path) = match error {
            SealedError::Missing { path } | SealedError::Damaged { path, .. } => {
                (FaultKind::Damage, RuleId::FRc2, path)
            }
            SealedError::Disk(error) => (FaultKind::Unreadable, RuleId::P3D9, &error.path),
        };
        Self { kind, rule, file: Some(path.clone()), offset: None, what: error.to_string() }
    }
}

/// Whether what is there is genuine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "fault", rename_all = "snake_case")]
pub enum Integrity {
    /// Every byte was checked and is what was written.
    Ok,
    /// Something is not.
    Fault(FaultReport),
}

/// One ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Whether what is there is genuine.
    pub integrity: Integrity,
    /// Whether all is there that is known to have been.
    pub completeness: Completeness,
    /// What reading found; `null` after a fault.
    pub recovery: Option<Recovery>,
    /// The last entry; `null` after a fault or for none.
    pub head: Option<LedgerHead>,
    /// Grants that were decided under rules that this program does not have, by their version: their bytes,
    /// signatures and place were checked as all others' were, their decisions could not be made again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_rulesets: BTreeMap<u32, u64>,
}

/// The WAL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WalReport {
    /// Whether what is there is genuine.
    pub integrity: Integrity,
    /// Whether all is there that is known to have been.
    pub completeness: Completeness,
    /// What reading found; `null` after a fault.
    pub recovery: Option<Recovery>,
    /// Where the part that was checked ends; `null` when it is empty.
    pub end: Option<Position>,
    /// Batches checked.
    pub batches: u64,
    /// The ledger that the last checked batch has seen.
    pub last_stamp: Option<LedgerHead>,
    /// Whether epochs were checked against the authority ledger: not when that could not be read.
    pub epochs_checked: bool,
}

/// A data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirectoryReport {
    /// The authority ledger.
    pub authority_ledger: LogReport,
    /// This node's decision ledger.
    pub decision_ledger: LogReport,
    /// The checkpoint marker and the file that says what is retained; sound where there is none.
    pub checkpoint: Integrity,
    /// The history of writes.
    pub wal: WalReport,
}

impl DirectoryReport {
    /// Whether nothing was found wrong or missing.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let Self { authority_ledger, decision_ledger, checkpoint, wal } = self;
        let parts = [
            (&authority_ledger.integrity, &authority_ledger.completeness),
            (&decision_ledger.integrity, &decision_ledger.completeness),
            (&wal.integrity, &wal.completeness),
        ];
        let sound = |(integrity, completeness): (&Integrity, &Completeness)| {
            *integrity == Integrity::Ok && !completeness.is_fault()
        };
        *checkpoint == Integrity::Ok && parts.into_iter().all(sound)
    }
}

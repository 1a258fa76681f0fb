//! What verification says.

use std::path::PathBuf;

use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use serde::Serialize;

use crate::fault::Fault;
use crate::log::Recovery;
use crate::sealed::SealedError;

/// A fault as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultReport {
    /// The rule that is broken, or that names the failure.
    pub rule: RuleId,
    /// The file, where the fault names one.
    pub file: Option<PathBuf>,
    /// Bytes from the start of the file to the damage, for damage.
    pub offset: Option<u64>,
    /// The fault in words.
    pub what: String,
}

impl From<&Fault> for FaultReport {
    fn from(fault: &Fault) -> Self {
        let (file, offset) = match fault {
            Fault::Corrupt { file, offset, .. } => (Some(file.clone()), Some(*offset)),
            Fault::Disk(error) | Fault::Poisoned { cause: error } => {
                (Some(error.path.clone()), None)
            }
            Fault::Exists { dir } => (Some(dir.clone()), None),
            Fault::TooLarge { .. }
            | Fault::NotNext { .. }
            | Fault::Removed { .. }
            | Fault::NoSuchStart { .. } => (None, None),
        };
        Self { rule: fault.rule(), file, offset, what: fault.to_string() }
    }
}

impl From<&SealedError> for FaultReport {
    fn from(error: &SealedError) -> Self {
        let (rule, path) = match error {
            SealedError::Missing { path } | SealedError::Damaged { path, .. } => {
                (RuleId::FRc2, path)
            }
            SealedError::Disk(error) => (RuleId::P3D9, &error.path),
        };
        Self { rule, file: Some(path.clone()), offset: None, what: error.to_string() }
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

/// Whether anything is missing that is known to have been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Completeness {
    /// The ledger holds all that the WAL has seen.
    Ok,
    /// The WAL has seen a ledger that this one does not contain (AU-14).
    Fault {
        /// AU-14.
        rule: RuleId,
        /// What the WAL has seen last.
        seen: LedgerHead,
        /// Where the ledger ends.
        head: LedgerHead,
    },
    /// One of the two could not be read, or the WAL is empty.
    Unknown,
}

/// One ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Whether what is there is genuine.
    pub integrity: Integrity,
    /// What reading found; `null` after a fault.
    pub recovery: Option<Recovery>,
    /// The last entry; `null` after a fault or for none.
    pub head: Option<LedgerHead>,
}

/// The WAL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WalReport {
    /// Whether what is there is genuine.
    pub integrity: Integrity,
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
    /// The checkpoint marker; sound where there is none.
    pub checkpoint: Integrity,
    /// The history of writes.
    pub wal: WalReport,
    /// The authority ledger against the WAL.
    pub completeness: Completeness,
}

impl DirectoryReport {
    /// Whether nothing was found wrong or missing.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let integrity = [
            &self.authority_ledger.integrity,
            &self.decision_ledger.integrity,
            &self.checkpoint,
            &self.wal.integrity,
        ];
        let complete = match self.completeness {
            Completeness::Ok | Completeness::Unknown => true,
            Completeness::Fault { .. } => false,
        };
        complete && integrity.into_iter().all(|found| *found == Integrity::Ok)
    }
}

//! A stopped node's data directory, checked and replayed without touching it; a copy will do.
//!
//! *Integrity*: what is there is genuine. *Completeness*: nothing that others have seen is missing. The two
//! are told apart, because a chain walk cannot see a cut tail.
//!
//! Keeps: P3-T3, P6-RC7.

mod completeness;
mod directory;
mod ledgers;
mod replay;
mod report;
mod wal;

pub use completeness::{Completeness, Known, Missing, Stamps};
pub use directory::{
    AUTHORITY_DIR, DECISION_DIR, SNAPSHOTS_DIR, WAL_DIR, verify_checkpoint, verify_directory,
};
pub use ledgers::{VerifiedAuthority, verify_authority, verify_decisions};
pub use replay::{ReplayedDecision, Verdict, replay_authority_entry, replay_decision_entry};
pub use report::{DirectoryReport, FaultKind, FaultReport, Integrity, LogReport, WalReport};
pub use wal::verify_wal;

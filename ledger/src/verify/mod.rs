//! A stopped node's data directory, checked and replayed without touching it; a copy will do.
//!
//! *Integrity*: what is there is genuine. *Completeness*: nothing that others have seen is missing;
//! here, that the authority ledger holds all that the node's own WAL has seen (AU-14). The two are
//! told apart, because a chain walk cannot see a cut tail.

mod directory;
mod replay;
mod report;

pub use directory::{
    AUTHORITY_DIR, DECISION_DIR, WAL_DIR, verify_authority, verify_checkpoint, verify_decisions,
    verify_directory, verify_wal,
};
pub use replay::{ReplayedDecision, Verdict, replay_authority, replay_decisions};
pub use report::{Completeness, DirectoryReport, FaultReport, Integrity, LogReport, WalReport};

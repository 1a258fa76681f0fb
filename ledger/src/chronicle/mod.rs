//! What both ledgers are: entries over a log, each admitted by a fold, all in memory for readers.

mod entries;
mod ledger;

pub use entries::{Entries, Stored};
pub use ledger::{AppendError, LedgerPlace};
pub(crate) use ledger::{Chronicle, Fold, ReadChronicle};

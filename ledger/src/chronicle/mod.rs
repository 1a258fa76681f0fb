//! What both ledgers are: entries over a log, each admitted by a fold. A ledger that is open keeps all
//! of them in memory for its readers; one that is only read is shown entry by entry.

mod entries;
mod ledger;
mod read;

pub use entries::{Entries, Stored};
pub use ledger::{AppendError, LedgerPlace};
pub(crate) use ledger::{Chronicle, Fold};
pub(crate) use read::{collect, read};

//! Bootstrap: a replica that is too far behind for its upstream's log takes the holder's snapshot over, when it
//! is asked to and not before.
//!
//! On the holder ([`serve`]) chunks of the snapshot that its checkpoint names are served, and the snapshot is
//! kept for as long as the connection of whoever pulls it is open ([`Handed`]). On the replica:
//!
//! 1. the bytes arrive in `bootstrap/`, are fsynced, and the ledger is pulled up ([`start`])
//! 2. every byte is verified, and `core::decision::bootstrap` judges the manifest
//! 3. the file is renamed into `snapshots/`; the segment is prepared from which the log will go on
//! 4. the checkpoint that names both is renamed into place, and the directory fsynced: this decides
//! 5. the process starts again from what is on the disk
//!
//! After a crash before 4 the replica is as it was, and what had arrived is discarded at the start (F-S1, F-S2);
//! after it the snapshot is in force and the log goes on strictly after its cut (RS-8).
//!
//! Keeps: RS-4, RS-7, RS-8, P3-R0, P3-R3, F-S1, F-S2.

mod handed;
mod progress;
mod serve;
mod transfer;

pub use handed::Handed;
pub use progress::{Progress, Transfer};
pub use serve::serve;
pub use transfer::{Source, TransferContext, TransferEvent, TransferTask, start};

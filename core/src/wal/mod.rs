//! The history of writes as values: commits, the logical batches that carry them, and the chain
//! over those batches. The physical layout on a disk is not here; it is local and never shipped.

mod batch;
mod condition;
mod continuity;
mod epochs;
mod header;

pub use batch::{Batch, BatchError, Commit, Op, RawBatch};
pub use condition::{Condition, Expect};
pub use continuity::{Discontinuity, check_continuity};
pub use epochs::{EpochMismatch, EpochRuns};
pub use header::BatchHeader;

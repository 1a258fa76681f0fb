//! The history of writes as values: commits, the logical batches that carry them, and the chain
//! over those batches. The physical layout on a disk is not here; it is local and never shipped.

mod batch;
mod condition;
mod continuity;
mod divergence;
mod epochs;
mod header;
mod payload;

pub use batch::{Batch, BatchError, RawBatch};
pub use condition::{Condition, Expect};
pub use continuity::{
    Discontinuity, check_continuity, follows_chain, follows_number, is_of_its_place,
};
pub use divergence::{Divergence, missing_by, prove};
pub use epochs::{EpochMismatch, EpochRuns};
pub use header::BatchHeader;
pub use payload::{Commit, KEY_BYTES_MAX, Op, VALUE_BYTES_MAX};

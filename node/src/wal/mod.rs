//! The WAL's one owner, and the two ways bytes get into it: commits, which need the authority to write,
//! and batches received from upstream.
//!
//! Keeps: P5-V1.

mod acknowledge;
mod desk;
mod lone;
mod owner;
mod pipeline;
mod write;

pub use acknowledge::{Acknowledgements, Bounds, Settled, Unacknowledged, Waiter};
pub use desk::{Found, OwnerHandle, spawn};
pub use lone::UnderWay;
pub use owner::{FailureSink, Job, Mode, Owner, Paused, Standing, WalFailure};
pub use pipeline::{
    Applied, Applier, Cursors, Divergence, Pulled, ReceiveError, Received, Receiver, Stages,
    Validated, Validator, prove,
};
pub use write::{Answer, FailedCondition, Outcome, Ticket, Write, WriteError, WriteJob};

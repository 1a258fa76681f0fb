//! The WAL's one owner, and the two ways bytes get into it: commits, which need the authority to write,
//! and batches received from upstream.
//!
//! Keeps: P5-V1.

mod acknowledge;
mod clerk;
mod desk;
mod lone;
mod owner;
mod pipeline;
mod write;

pub use acknowledge::{Acknowledgements, Settled, Unacknowledged, Waiter};
pub use clerk::Clerk;
pub use desk::{Found, OwnerHandle, seat, spawn};
pub use lone::UnderWay;
pub use owner::{FailureSink, Job, Mode, Owner, Paused, Standing, WalFailure};
pub use pipeline::{
    Applied, Applier, Cursors, Pulled, ReceiveError, Received, Receiver, Stages, Validated,
    Validator,
};
pub use write::{Answer, FailedCondition, Outcome, Ticket, Write, WriteError, WriteJob};

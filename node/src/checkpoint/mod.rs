//! Checkpoints: taken from a read view beside running traffic, by a thread of their own.
//!
//! Order (CKP-2, machine 4.9), and what a crash between two steps leaves:
//!
//! 1. the snapshot, under a temporary name: passed over, removed by the next checkpoint
//! 2. durable under its name: no record names it, removed by the next checkpoint
//! 3. the marker: from here on recovery starts from it
//! 4. whole segments of the WAL below it: what is left of them is removed at the next start
//! 5. older snapshots that nobody pulls: what is left of them is removed by the next checkpoint
//!
//! A checkpoint is taken when the log past the last one has grown by so many bytes, or on request; never by
//! time. Taking one asks nothing of the write path but to forget the places of what is let go of.
//!
//! - [`Taker`]: the steps
//! - [`CheckpointHandle`]: asking for one, and the thread that does the work
//! - [`Trigger`]: counting the log's bytes
//! - [`Shelf`]: which snapshot is in force, and who pulls which

mod error;
mod handle;
mod moment;
mod shelf;
mod taker;
#[cfg(test)]
pub(crate) mod tests;
mod trigger;

pub use error::CheckpointError;
pub use handle::{CheckpointHandle, Moment, Requests, Worker};
pub use moment::{Running, cut};
pub use shelf::{Hold, Shelf};
pub use taker::{Cut, LetGo, Taken, Taker, checkpoint_facts, push_retained};
pub use trigger::Trigger;

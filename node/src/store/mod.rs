//! The applied state: an ordered multi-version map in memory, (key, commit id descending) -> value
//! or tombstone (DESIGN section 5).
//!
//! Between prunings versions are only added (MVI-1), so a read view is nothing but a commit id, the
//! [`Boundary`](aerodb_core::id::Boundary) that a reader passes: what lies above it is passed over,
//! and what lies at or below it no longer changes (MVI-3, MVV-3). [`StoreWriter::apply`] therefore
//! makes nothing visible. A commit becomes visible, whole, when the caller publishes the boundary
//! that covers it, which it does only after `apply` has returned (MVI-4).
//!
//! Invariants: every published boundary `<=` the last applied commit; the floor, below which versions
//! may be missing, `<=` everything that an open [`ReadView`] needs.
//!
//! The map is a lock-free skip list, because the writer stands between an fsync and its
//! acknowledgement and must not wait for readers; a lock would also be held by a state digest or a
//! snapshot for as long as they take, or be given up between pages. Measured with
//! `cargo bench -p aerodb-node --bench store_map` on two busy cores, two runs, against a `BTreeMap`
//! in a `parking_lot` lock:
//!
//! - gained: beside 4 getters one write in a thousand takes over 0.05-0.07 ms instead of 4 ms; beside
//!   1 getter 0.02 ms instead of 0.06 ms, with 3.7 times the reads
//! - paid: 0.67 times the writes with no reader and 0.45-0.5 times beside 1 scanner, which itself
//!   scans 0.65-0.75 times as fast; 4 getters read 0.4-0.7 times as much
//! - undecided: 4 scanners (the two runs contradict each other)
//!
//! The price is paid where there is room: the slowest median of the writer, 50,000 versions a
//! second, is what one fsync a millisecond would need with 50 writes in each batch.
//!
//! - [`Store`]: a reader's handle, cheap to clone
//! - [`StoreWriter`]: the one way to change it; [`Loader`]: to fill it from a snapshot
//! - [`ReadView`]: a view that is open, and keeps what it needs; [`Pruner`]: takes out what none needs
//! - [`ScanRange`], [`Item`]: what is scanned, and what is found
//! - [`Version`], [`VersionInfo`]: what a key has at a commit
//! - [`Usage`]: how much there is
//!
//! Keeps: P3-RS3, MVI-1, MVV-4, P3-R3.

mod digest;
mod garbage;
mod loader;
mod pruner;
mod range;
mod reader;
#[cfg(test)]
mod tests;
mod usage;
mod version;
mod views;
mod visible;
mod writer;

pub use loader::{Loader, OutOfOrder};
pub use pruner::Pruner;
pub use range::ScanRange;
pub use reader::{Item, Store};
pub use usage::Usage;
pub use version::{Version, VersionInfo};
pub use views::{OpenViews, ReadView, ViewSource};
pub use writer::StoreWriter;

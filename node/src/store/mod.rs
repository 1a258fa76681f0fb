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
//! A key is found by its hash, and in the order of keys by walking a lock-free skip list; what is found is its
//! history, the versions of that key. So neither a change nor a read of one key searches among versions, and a prune
//! does not search at all. The writer stands between an fsync and its acknowledgement and must not wait for
//! readers: a lock over everything would be held by a state digest or a snapshot for as long as they take. Here a
//! reader holds the lock of one history, for as long as it copies 64 versions at most. Measured with
//! `cargo bench -p aerodb-node --bench store_map` on two cores, against a skip list of versions (what this was
//! before) and a `BTreeMap` in a `parking_lot` lock:
//!
//! - one write in a thousand takes over 6 to 16 us, whoever reads meanwhile; with the skip list 23 to 52 us,
//!   with the `BTreeMap` 9 us alone and up to 8 ms beside 4 readers
//! - writes: 2.4 to 4.6 times those of the skip list; 1.8 times those of the `BTreeMap` with no reader, 9 times
//!   beside 4 scanners
//! - reads beside the writer: gets 3.9 to 4.7 times and scans 2.0 to 2.1 times those of the skip list
//!
//! The price is memory: some 60 bytes more for each key than a skip list of versions, and loading a million keys
//! takes 0.6 s where that took 0.35. Each further version takes less.
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
mod history;
mod keys;
mod loader;
mod place;
mod pruner;
mod range;
mod reader;
#[cfg(test)]
mod tests;
mod usage;
mod version;
mod views;
mod writer;

pub use loader::{Loader, OutOfOrder};
pub use place::Place;
pub use pruner::Pruner;
pub use range::ScanRange;
pub use reader::{Item, Store};
pub use usage::Usage;
pub use version::{Version, VersionInfo};
pub use views::{OpenViews, ReadView, ViewSource};
pub use writer::StoreWriter;

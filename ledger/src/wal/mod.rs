//! The history of writes on disk: batches over the log, opaque but for the numbers that they claim.

mod index;
mod owner;
mod reader;
mod recent;
mod scan;

pub use index::SegmentInfo;
pub use owner::{Removal, Wal, WalPlace};
pub use reader::WalReader;
pub use scan::{BatchPlace, PlacedBatch, scan_placed, scan_read_only};

//! Every decoder of bytes that come from a disk or a peer, one function each, for the fuzz targets in `fuzz/`
//! and for the bounded run in the test suite. Each takes any bytes, must not panic, and checks that what
//! decodes encodes to the same bytes. It says whether they decoded.
//!
//! Checksums stop nearly every changed byte at the door, so the functions look at the bytes twice: as they
//! are, and with all checksums, chains and digests made right ([`seal`]).

mod directory;
mod entries;
mod log;
pub mod seal;
mod snapshot;
mod wire;

pub use entries::{authority_entry, batch, checkpoint, decision_entry, retention};
pub use log::{authority_log, decision_log, frame, segment_header, wal};
pub use snapshot::snapshot;
pub use wire::{page_token, pull_answer, pull_request, snapshot_chunk, snapshot_request};

/// A decoder under test.
pub type Decoder = fn(&[u8]) -> bool;

/// All of them, by name.
pub const ALL: [(&str, Decoder); 16] = [
    ("segment_header", segment_header),
    ("frame", frame),
    ("wal", wal),
    ("authority_log", authority_log),
    ("decision_log", decision_log),
    ("batch", batch),
    ("authority_entry", authority_entry),
    ("decision_entry", decision_entry),
    ("checkpoint", checkpoint),
    ("retention", retention),
    ("snapshot", snapshot),
    ("pull_request", pull_request),
    ("pull_answer", pull_answer),
    ("snapshot_request", snapshot_request),
    ("snapshot_chunk", snapshot_chunk),
    ("page_token", page_token),
];

//! A snapshot: one file with every version that the store retains at one commit (DESIGN section 5). The one
//! artefact for recovery, bootstrap and backup.
//!
//! ```text
//! header | block 1 | block 2 | … | manifest
//! ```
//!
//! Versions lie by key ascending, and within a key by commit descending. Each block's hash covers the block
//! before it, the first one's the header, and the manifest holds the last one: with the hash of the manifest
//! alone every byte of the file is known. Equal states give equal blocks, on any node.
//!
//! What a crash leaves (P3-S1 to P3-S3):
//!
//! 1. a file under its temporary name, with any part of its bytes: read by nothing, removed by
//!    [`remove_unfinished`]
//! 2. the whole file under its name. It is renamed only after the fsync of its bytes, so under this name there
//!    is never less; whether the name survives is decided by the fsync of the directory
//!
//! Both sides stream: memory is bounded by one block, whatever the size of the file.

mod block;
mod facts;
mod header;
mod manifest;
mod name;
mod order;
mod reader;
mod receiver;
mod writer;

pub use block::{BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, SnapshotVersion};
pub use facts::SnapshotFacts;
pub use header::HEADER_BYTES;
pub use manifest::{MANIFEST_BYTES, Manifest};
pub use name::{path_of, remove_unfinished, snapshots_in};
pub use reader::{SnapshotReader, SnapshotVersions};
pub use receiver::{ReceivedSnapshot, SnapshotReceiver, VerifiedSnapshot, discard_staging};
pub use writer::{Snapshot, SnapshotError, SnapshotWriter};

/// The format that this program writes.
const FORMAT: u16 = 1;
/// Where the checksum lies, in the header and in the manifest.
const CHECKSUM_AT: usize = 12;

/// The CRC-32 of a header or manifest, its own field taken as zero.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..CHECKSUM_AT]);
    hasher.update(&[0; 4]);
    hasher.update(&bytes[CHECKSUM_AT + 4..]);
    hasher.finalize()
}

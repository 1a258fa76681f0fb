//! Segments, frames, and whole logs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::fuzzing::{self, SEGMENT_HEADER_BYTES};
use aerodb_ledger::log::{Block, Witness};
use aerodb_ledger::unseal;
use aerodb_ledger::wal::scan_read_only;

use super::directory::Directory;
use super::seal;

const DIR: &str = "/log";

/// The most bytes of a log that are looked at; more would say nothing new.
const LOG_BYTES_MAX: usize = 1 << 20;

/// The header of a segment.
#[must_use]
pub fn segment_header(bytes: &[u8]) -> bool {
    let mut block = [0; SEGMENT_HEADER_BYTES];
    let length = bytes.len().min(block.len());
    block[..length].copy_from_slice(&bytes[..length]);
    let decoded = fuzzing::segment_header(&block);
    seal::segment_header(&mut block);
    decoded | fuzzing::segment_header(&block)
}

/// One frame, filled up with zeros to whole blocks.
#[must_use]
pub fn frame(bytes: &[u8]) -> bool {
    let mut blocks = bytes[..bytes.len().min(LOG_BYTES_MAX)].to_vec();
    let mut decoded = false;
    for block in [Block::MIN, Block::MAX] {
        blocks.resize(blocks.len().max(1).next_multiple_of(block.bytes()), 0);
        decoded |= fuzzing::frame(&blocks, block);
    }
    seal::frame(&mut blocks);
    decoded | fuzzing::frame(&blocks, Block::MIN)
}

/// The files of a log. The first byte is the number of the first segment, the second says how many segments
/// the rest is divided into.
fn files(bytes: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let ([first, count], rest) = bytes.split_first_chunk::<2>()?;
    let rest = &rest[..rest.len().min(LOG_BYTES_MAX)];
    let each = rest.len().div_ceil(usize::from(count % 4) + 1).max(1);
    Some((u64::from(*first)..).zip(rest.chunks(each).map(<[u8]>::to_vec)).collect())
}

fn directory(files: &[(u64, Vec<u8>)]) -> Directory {
    Directory::of(files.iter().map(|(number, bytes)| (format!("{number:016}.seg"), bytes.clone())))
}

/// Looks at a log as it is and with its checksums made right.
fn both(bytes: &[u8], wal: bool, read: impl Fn(&Directory) -> bool) -> bool {
    let Some(mut files) = files(bytes) else { return false };
    let as_it_is = read(&directory(&files));
    for (_, bytes) in &mut files {
        seal::segment(bytes, wal);
    }
    as_it_is | read(&directory(&files))
}

fn marker() -> Option<Checkpoint> {
    unseal(include_bytes!("../../../ledger/tests/golden/truncated/checkpoint")).ok()
}

/// A WAL, from its origin and from where the golden checkpoint says.
#[must_use]
pub fn wal(bytes: &[u8]) -> bool {
    let marker = marker();
    both(bytes, true, |disk| {
        let mut whole = false;
        for start in [None, marker.as_ref()] {
            let scanned = scan_read_only::<Infallible>(
                disk,
                Path::new(DIR),
                None,
                start,
                Witness::default(),
                &mut |raw| {
                    let _ = raw.decode();
                    Ok(())
                },
            );
            whole |= scanned.is_ok();
        }
        whole
    })
}

/// An authority ledger, every entry of which passes its gate.
#[must_use]
pub fn authority_log(bytes: &[u8]) -> bool {
    both(bytes, false, |disk| {
        AuthorityLedger::open_read_only(disk, Path::new(DIR), None, Witness::default()).is_ok()
    })
}

/// A decision ledger.
#[must_use]
pub fn decision_log(bytes: &[u8]) -> bool {
    both(bytes, false, |disk| {
        let (dir, members) = (Path::new(DIR), BTreeMap::new());
        // The golden ledger's owner, so that its entries pass.
        let owner = aerodb_ledger::authority::NodeKey::from_seed(&[1; 32]).public_key();
        DecisionLedger::open_read_only(disk, dir, Some(&owner), members, Witness::default()).is_ok()
    })
}

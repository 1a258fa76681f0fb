//! What stands in records and sealed files.

use aerodb_core::authority::SignedEntry;
use aerodb_core::decision::record::SignedDecision;
use aerodb_core::hash::Chain;
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::wal::{Batch, RawBatch};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::retention::Retention;
use aerodb_ledger::unseal;
use bytes::Bytes;

use super::seal;

fn one_batch(bytes: &[u8]) -> bool {
    let mut rest = Bytes::copy_from_slice(bytes);
    let mut decoded = false;
    while let Ok(raw) = RawBatch::split_first(&mut rest) {
        let _ =
            (raw.claimed_range(), raw.claimed_epoch(), raw.claimed_stamp(), raw.claimed_chains());
        let Ok(batch) = raw.decode() else { continue };
        let boundary = Boundary::new(batch.first().get() - 1);
        let Chain(before) = batch.before();
        let tip = Position { boundary, chain: Chain(before) };
        let (epoch, stamp) = (batch.epoch(), batch.stamp());
        let commits = batch.into_commits().map(|(_, commit)| commit).collect();
        let again = Batch::form(&tip, epoch, stamp, commits).map(|(_, raw)| raw);
        assert_eq!(again.as_ref(), Some(&raw), "a batch has one encoding");
        decoded = true;
    }
    decoded
}

/// Batches back to back, as records hold one and pull answers several.
#[must_use]
pub fn batch(bytes: &[u8]) -> bool {
    let mut sealed = bytes.to_vec();
    seal::batch(&mut sealed);
    one_batch(bytes) | one_batch(&sealed)
}

/// An entry of the authority ledger.
#[must_use]
pub fn authority_entry(bytes: &[u8]) -> bool {
    SignedEntry::decode(bytes).is_ok_and(|entry| {
        assert_eq!(entry.encode(), bytes, "an entry has one encoding");
        let _ = entry.entry.hash();
        true
    })
}

/// An entry of the decision ledger.
#[must_use]
pub fn decision_entry(bytes: &[u8]) -> bool {
    SignedDecision::decode(bytes).is_ok_and(|entry| {
        assert_eq!(entry.encode(), bytes, "an entry has one encoding");
        let _ = entry.entry.hash();
        true
    })
}

/// A sealed file, as a checkpoint.
#[must_use]
pub fn checkpoint(bytes: &[u8]) -> bool {
    let decodes = |bytes: &[u8]| {
        unseal::<Checkpoint>(bytes).is_ok_and(|checkpoint| {
            let start = checkpoint.wal_start;
            assert!(start.segment >= 1 && start.frame_seq >= start.segment);
            assert!(start.position.boundary <= checkpoint.position.boundary);
            assert_eq!(seal::sealed_file(bytes).as_deref(), Some(bytes), "one encoding");
            true
        })
    };
    decodes(bytes) | seal::sealed_file(bytes).is_some_and(|sealed| decodes(&sealed))
}

/// A sealed file, as what says what is retained.
#[must_use]
pub fn retention(bytes: &[u8]) -> bool {
    let decodes = |bytes: &[u8]| {
        unseal::<Retention>(bytes).is_ok_and(|_| {
            assert_eq!(seal::sealed_file(bytes).as_deref(), Some(bytes), "one encoding");
            true
        })
    };
    decodes(bytes) | seal::sealed_file(bytes).is_some_and(|sealed| decodes(&sealed))
}
